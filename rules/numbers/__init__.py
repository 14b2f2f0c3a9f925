"""Stored numbers (N)."""
