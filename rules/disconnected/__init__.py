"""Disconnected."""
