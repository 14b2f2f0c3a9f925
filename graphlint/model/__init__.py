"""The model: its definition, the graph it expands to, addresses, masks and parameters."""
