"""Tracing: one abstract run of a model in memory shows what its code does, as bodies like any other."""
