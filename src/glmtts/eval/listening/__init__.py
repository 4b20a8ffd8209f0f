"""Listening tests: a static page for MOS or preference, and the analysis of its answers."""
