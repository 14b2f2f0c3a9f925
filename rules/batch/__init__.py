"""One batch of data."""
