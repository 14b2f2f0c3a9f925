"""Security (X)."""
