"""Which Keras release can save, load and run a model."""
