"""Whole libraries and exports, out and in."""
