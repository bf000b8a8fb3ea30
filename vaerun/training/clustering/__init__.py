"""Pseudo-labels from clustering the images before training."""
