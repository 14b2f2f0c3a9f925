"""Questions about a graph that several rules ask."""
