"""Simulated graphene under the electron beam, with its truth."""
