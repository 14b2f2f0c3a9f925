"""What a model holds as canonical text, and what changed from one model to another."""
