"""Architecture and loss (A)."""
