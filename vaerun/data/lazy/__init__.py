"""Image tensors that are read from files or frames when indexed."""
