"""Arrays in the user's files, of whatever format: which files, what is in them, parts of it.

Nothing is unpickled: a file that holds Python objects could run any code when read.
"""
