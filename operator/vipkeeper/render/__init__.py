"""Builders of everything that we write: they return, they never apply. Pure."""
