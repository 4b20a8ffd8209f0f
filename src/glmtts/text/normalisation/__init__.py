"""Written forms and what is said for them: characters, languages, addresses, units, and each language's rules."""
