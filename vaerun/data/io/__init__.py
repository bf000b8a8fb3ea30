"""Readers of the user's files: images, tables and pixel sizes.

Nothing is unpickled, since a file of Python objects could run any code when read.
"""
