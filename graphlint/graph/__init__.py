"""The graph: definitions, expansion, queries, addresses."""
