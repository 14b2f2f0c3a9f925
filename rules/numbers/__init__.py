"""Stored numbers."""
