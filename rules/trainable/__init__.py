"""Trainable."""
