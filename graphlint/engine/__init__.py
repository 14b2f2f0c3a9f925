"""The rules engine: configuration, rules, selection, running."""
