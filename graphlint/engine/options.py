"""Options that several rules have."""

from __future__ import annotations

from graphlint.engine.rule import Option
from graphlint.portability.target import target_release

TARGET_KERAS = "target-keras"
"""The option of every rule that asks what a Keras release can load."""

TARGET_OPTION = Option(
    "",
    "release",
    "the Keras release that should load the model, such as 3.9; empty: the installed one",
    accepts=target_release,
)
