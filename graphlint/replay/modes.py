"""The mode in which traced code calls its layers: handed on by the model, or fixed by the code."""

from __future__ import annotations

from typing import Any

import keras

from graphlint.replay.symbolic import StuckError
from graphlint.tracing.inputs import known_arguments
from graphlint.tracing.record import Event, TraceError, record


class Modes:
    """What each call of a layer receives as ``training`` in both modes."""

    def __init__(self, model: keras.Model, inputs: Any) -> None:
        self.model = model
        self.inputs = inputs
        self.twins: dict[int, Any] | None = None

    def with_mode(self, address: str, event: Event, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call without ``training``, which a model hands to all that it calls.

        Raises:
            StuckError: the call is always made in one mode, which a Functional model would override.
        """
        if not isinstance(kwargs.get("training"), (bool, int)):
            return {key: value for key, value in kwargs.items() if key != "training"}
        if self.twins is None:
            self.twins = self._read(event)
        value = bool(kwargs["training"])
        twin = self.twins.get(id(event))
        if value or (twin is not None and not twin):
            raise StuckError(
                f"{address} is called with training={value} in inference and in training, which a Functional model "
                "overrides"
            )
        return {key: value for key, value in kwargs.items() if key != "training"}

    def _read(self, event: Event) -> dict[int, Any]:
        while event.parent is not None:
            event = event.parent
        arguments = known_arguments(self.model, self.inputs)
        found: dict[int, Any] = {}
        if arguments is None:
            return found
        for specs in (arguments, event.symbolic_arguments()):
            try:
                other = record(self.model, *specs, training=True).root
            except (TraceError, NotImplementedError):
                continue
            if other is not None:
                _pair(event, other, found)
                break
        return found


def _pair(one: Event, other: Event, found: dict[int, Any]) -> None:
    stack = [(one, other)]
    while stack:
        first, second = stack.pop()
        by_target: dict[int, list[Event]] = {}
        for child in second.children:
            by_target.setdefault(id(child.target), []).append(child)
        for child in first.children:
            twins = by_target.get(id(child.target))
            if twins and child.layer is not None:
                twin = twins.pop(0)
                found[id(child)] = twin.kwargs.get("training")
                stack.append((child, twin))
