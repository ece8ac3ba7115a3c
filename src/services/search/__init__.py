"""Searching by words, pictures, and objects."""
