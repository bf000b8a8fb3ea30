"""Graphene: simulated micrographs, atoms detected in frames, their bonds and rings."""
