"""The mechanism of the config: overrides, composition, fields and their validation."""
