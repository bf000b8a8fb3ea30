"""The data sets, by the `kind` that a config names.

Nothing is imported here: a sweep reads queries and tables without loading torch.
"""
