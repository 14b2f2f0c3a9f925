"""What the optimizers of Keras keep for each variable that they train, in the order in which they save it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ADAPTIVE = frozenset({"adam", "adamw", "adamax", "nadam", "rmsprop", "lion"})
"""Optimizers that move each weight by about the learning rate in a step, whatever the size of its gradient."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A variable that an optimizer keeps for each variable it trains."""

    name: str
    initial: str | float = 0.0
    """Initial value, or the argument of the optimizer that gives it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The variables of an optimizer, after its step count and learning rate, group after group of slots."""

    groups: tuple[tuple[Slot, ...], ...]
    trailing: int = 0
    """Scalars after the slots."""


_M, _V = Slot("momentum"), Slot("velocity")
_ACCUMULATOR = Slot("accumulator", "initial_accumulator_value")


def optimizer_layout(class_name: str, config: Mapping[str, Any]) -> Layout | None:
    """The layout of an optimizer of Keras, in either case; None for a class without slots or that is not known.

    >>> [slot.name for group in optimizer_layout("Adam", {}).groups for slot in group]
    ['momentum', 'velocity']
    """
    name = class_name.lower()
    if name in ("adam", "adamw"):
        return Layout(((_M, _V), (Slot("velocity_hat"),)) if config.get("amsgrad") else ((_M, _V),))
    if name == "nadam":
        return Layout(((_M, _V),), trailing=1)
    if name == "lamb":
        return Layout(((_M, _V),))
    if name == "adamax":
        return Layout(((_M, Slot("norm")),))
    if name == "adadelta":
        return Layout(((Slot("accumulated_grad"), Slot("accumulated_delta_var")),))
    if name == "adagrad":
        return Layout(((_ACCUMULATOR,),))
    if name == "ftrl":
        return Layout(((_ACCUMULATOR, Slot("linear")),))
    if name == "lion":
        return Layout(((_M,),))
    if name == "rmsprop":
        groups: list[tuple[Slot, ...]] = [(_V,)]
        if config.get("momentum"):
            groups.append((_M,))
        if config.get("centered"):
            groups.append((Slot("average_gradient"),))
        return Layout(tuple(groups))
    if name == "sgd" and config.get("momentum"):
        return Layout(((_M,),))
    return None
