"""One file a data set, and what it alone needs."""
