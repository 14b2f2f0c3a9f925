"""Two runs of the same code with other sizes, where a backend knows no free size: what differs depends on the size."""

from __future__ import annotations

from typing import Any

import keras

from graphlint.knowledge import keras_internals
from graphlint.tracing.backend import Size
from graphlint.tracing.structure import mapped, members

NUMBER_NEEDED = "its code needs the size of a dimension as a number that is free here: pass inputs= with all sizes"


def settle(first: Any, second: Any) -> str | None:
    """Take for free in a first recording what is another in a second one, and close the calls of which each run did
    something else. The reason where that is the whole model."""
    first.trace.compare(second.trace)
    if first.root is None or second.root is None:
        return NUMBER_NEEDED
    return None if _Settling(first).settled(first.root, second.root) else NUMBER_NEEDED


class _Settling:
    def __init__(self, recording: Any) -> None:
        self.recording = recording
        self.trace = recording.trace

    def settled(self, one: Any, other: Any) -> bool:
        """Whether two calls did the same. The innermost opened layer where they did not is closed."""
        closed = one.closed or other.closed
        if closed is not None:
            self.close(one, closed)
            other.children.clear()
        children = zip(one.children, other.children, strict=False)
        same = len(one.children) == len(other.children) and all(_same(a, b) for a, b in children)
        if same:
            pairs = zip(one.children, other.children, strict=True)
            same = False not in [self.settled(a, b) for a, b in pairs]  # Every one, also after one that did not.
        outputs = [*members(one.outputs)], [*members(other.outputs)]
        if not same or len(outputs[0]) != len(outputs[1]):
            if one.layer is None or not one.is_open or one.parent is None:
                return False
            self.close(one, NUMBER_NEEDED)
        for value, twin in zip(*outputs, strict=False):
            self.pair(value, twin)
        twins = iter([*members([list(other.args), other.kwargs])])
        arguments = [*members([list(one.args), one.kwargs])]
        paired = {id(leaf): self.pair(leaf, next(twins, leaf)) for leaf in arguments}

        def leaf(value: Any) -> Any:
            return paired.get(id(value), value)

        one.args, one.kwargs = mapped(one.args, leaf), mapped(one.kwargs, leaf)
        masks = [(mask, other.masks.get(id(self.trace.twins.get(key)))) for key, mask in one.masks.items()]
        for mask, twin in masks:
            if twin is not None:
                self.pair(mask, twin)
        return True

    def close(self, event: Any, reason: str) -> None:
        event.closed = reason
        if event.is_code:
            self.recording.refused.setdefault(id(event.layer), reason)
        event.children.clear()
        event.effects.clear()

    def pair(self, value: Any, twin: Any) -> Any:
        """A leaf of the first run, or what stands for it if it is another number in the second one."""
        if self.trace.is_tensor(value):
            if self.trace.is_tensor(twin):
                self.trace.same(value, twin)
            return value
        if isinstance(value, slice) and isinstance(twin, slice):
            parts = [(value.start, twin.start), (value.stop, twin.stop), (value.step, twin.step)]
            return slice(*[self.pair(a, b) for a, b in parts])
        number = isinstance(value, (int, float)) and isinstance(twin, (int, float))
        return Size() if number and value != twin else value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one.target, keras.Layer) or isinstance(other.target, keras.Layer):
        return one.target is other.target or (
            type(one.target) is type(other.target) and not keras_internals.tracked_layers(one.target)
        )
    return bool(one.target.name == other.target.name)
