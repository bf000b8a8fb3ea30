"""From what was typed to one checked config."""
