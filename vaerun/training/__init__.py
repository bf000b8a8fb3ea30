"""The Lightning trainer and what surrounds it."""
