"""Serialization and portability (K)."""
