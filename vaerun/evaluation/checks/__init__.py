"""Checks of a finished run that need no labels: can it be believed, and if not, what helps.

Each check is a function of a `CheckedRun` in a file of its own and is listed in `registry.CHECKS`.
"""
