"""The text front end, without sound: is written text spoken as it should be, and is each reading the right one?"""
