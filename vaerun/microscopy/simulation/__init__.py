"""Simulated micrographs of graphene under the electron beam, with the truth of each frame."""
