"""Replay: run the graph of a live model again, with some tensors given and some calls changed, in any value domain."""
