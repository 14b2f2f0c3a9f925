"""Several models."""
