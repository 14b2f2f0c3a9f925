"""Errors that a user sees as one line, with exit code 2."""

from __future__ import annotations


class GraphlintError(Exception):
    """Base of every error graphlint raises on purpose: says what was received, what was expected, what to do."""


class UnreadableError(GraphlintError):
    """A model cannot be read (reported as E001)."""


class LimitError(GraphlintError):
    """A model goes over a limit (reported as E003)."""
