"""What is known of the losses of Keras: one row for each, in ``rows/losses.txt``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from graphlint.knowledge import rows


@dataclass(frozen=True, slots=True, kw_only=True)
class LossTraits:
    """A loss of Keras."""

    name: str
    """The name of the function."""
    class_name: str
    also: tuple[str, ...] = ()
    """Other names of the function, those of older releases as well."""
    from_logits: bool = False
    """It takes probabilities or, with ``from_logits=True``, logits."""
    cross_entropy: bool = False
    one_label: bool = False
    """Its targets are one class out of several."""
    regression: bool = False
    """Its targets are numbers of any size."""


@cache
def _by_name() -> dict[str, LossTraits]:
    found = {}
    for name, words in rows.read("losses").items():
        row = LossTraits(name=name, **rows.arguments(LossTraits, words.split()))
        found.update(dict.fromkeys((name, row.class_name, *row.also), row))
    return found


def loss_row(name: str) -> LossTraits | None:
    """The row of a loss by one of its names or its class; None if Keras has no such loss.

    >>> loss_row("MSE").name, loss_row("BinaryCrossentropy").from_logits, loss_row("my_loss")
    ('mean_squared_error', True, None)
    """
    return _by_name().get(name)


def loss_names() -> list[str]:
    """The names of the functions that have a row."""
    return list(rows.read("losses"))
