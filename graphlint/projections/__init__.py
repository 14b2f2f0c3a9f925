"""The graph in other forms: comparable, and as plain data."""
