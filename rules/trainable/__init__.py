"""Rules about what is trained and what is frozen."""
