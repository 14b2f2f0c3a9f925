"""Public models whose graph lies inside custom layers, to measure what graphlint sees of them."""
