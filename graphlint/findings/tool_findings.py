"""The findings about graphlint's own run. They cannot be ignored: each says that something was not checked."""

from __future__ import annotations

UNREADABLE = "E001"
RULE_CRASHED = "E002"
OVER_LIMIT = "E003"
NOTHING_TO_CHECK = "E004"
NOT_BUILT = "E005"

TOOL_FINDINGS: dict[str, tuple[str, str]] = {
    UNREADABLE: (
        "unreadable",
        "The model cannot be read, or not all of it: it is missing, damaged or not a Keras model. It was not checked.",
    ),
    RULE_CRASHED: (
        "rule-crashed",
        "The other rules ran. Report it to the authors of the rule, with the output of GRAPHLINT_TRACEBACK=1.",
    ),
    OVER_LIMIT: (
        "over-limit",
        "The model exceeds a limit, so it was refused as a whole.",
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
