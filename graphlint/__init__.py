"""graphlint: a linter for Keras models."""
