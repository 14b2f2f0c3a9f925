"""Redundancy (R)."""
