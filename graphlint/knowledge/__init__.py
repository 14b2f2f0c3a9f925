"""What is known of Keras and its releases."""
