"""The edits that fixes are made of, on models in memory: each is a few calls of the replay engine."""
