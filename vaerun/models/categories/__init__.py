"""Where the class of an image comes from: given by the data or inferred."""
