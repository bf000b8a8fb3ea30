"""Pseudo-labels found by clustering images before training."""
