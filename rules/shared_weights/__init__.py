"""Rules about layers and variables that are shared, or should be."""
