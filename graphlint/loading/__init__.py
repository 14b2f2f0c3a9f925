"""What a Keras release can load."""
