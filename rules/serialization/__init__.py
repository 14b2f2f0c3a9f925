"""Serialization and portability."""
