"""Architecture and loss."""
