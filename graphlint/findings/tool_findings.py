"""The findings of the tool itself. They cannot be ignored: each says that something was not checked."""

from __future__ import annotations

UNREADABLE = "E001"
RULE_CRASHED = "E002"
OVER_LIMIT = "E003"
NOTHING_TO_CHECK = "E004"
NOT_BUILT = "E005"

TOOL_FINDINGS: dict[str, tuple[str, str]] = {
    UNREADABLE: (
        "unreadable",
        "The model cannot be read, or not all of it: it is missing, damaged or no Keras model. It was not checked.",
    ),
    RULE_CRASHED: (
        "rule-crashed",
        "The other rules ran. Report it to those who wrote the rule, with what GRAPHLINT_TRACEBACK=1 shows.",
    ),
    OVER_LIMIT: (
        "over-limit",
        "The model asks for more than a limit allows, so it was refused as a whole.",
    ),
    NOTHING_TO_CHECK: (
        "nothing-to-check",
        "Checking nothing is not the same as finding nothing.",
    ),
    NOT_BUILT: (
        "not-built",
        "Shapes and weights are made when a model is built; before that, most rules have nothing to look at.",
    ),
}
"""Code -> name and what it means."""
