"""Replay: walk the graph of a live model again, with some tensors given, some calls changed, in any value domain."""
