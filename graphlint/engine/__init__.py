"""The rules engine: findings, rules, selection, running."""
