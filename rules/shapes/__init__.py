"""Shapes and dtypes (H)."""
