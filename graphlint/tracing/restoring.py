"""What a trace could change in a model, kept and restored."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np

from graphlint.knowledge import keras_internals


@contextmanager
def kept(model: keras.Layer, beside: Iterable[Any] = ()) -> Iterator[None]:
    """A context after which every layer of a model, and each generator of random numbers of Python, is as before.

    So are the objects ``beside`` it. Values of variables are not among it: a trace writes none.
    """
    layers = [_Kept(one) for one in (*keras_internals.all_layers(model), *beside)]
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        for one in layers:
            one.restore()
        random.setstate(python)
        np.random.set_state(numpy)


_CHANGEABLE = (list, set, dict, tuple, deque, np.ndarray, np.random.Generator, np.random.RandomState, random.Random)
"""What may change while an attribute remains the same object. Of a tuple, what is in it."""


class _Kept:
    """The attributes of one layer or other object, and what is in those that are containers, arrays or generators."""

    def __init__(self, layer: Any) -> None:
        self.attributes = vars(layer)
        self.before = dict(self.attributes)
        self.contents: list[tuple[Any, Any]] = []
        self.restorers: list[Callable[[], None]] = []
        seen: set[int] = set()
        stack = [value for value in self.before.values() if isinstance(value, _CHANGEABLE)]
        for tracker in keras_internals.trackers(layer):
            stack += [vars(tracker), tracker.stored_ids]
        while stack:
            value = stack.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, dict):
                self.contents.append((value, dict(value)))
                stack += [one for one in value.values() if isinstance(one, _CHANGEABLE)]
            elif isinstance(value, (list, set, deque)):
                self.contents.append((value, list(value)))
                stack += [one for one in value if isinstance(one, _CHANGEABLE)]
            elif isinstance(value, tuple):
                stack += [one for one in value if isinstance(one, _CHANGEABLE)]
            else:
                self.restorers += _restorers(value)

    def restore(self) -> None:
        if not _same(self.attributes, self.before):
            self.attributes.clear()
            self.attributes.update(self.before)
        for value, content in self.contents:
            if isinstance(value, dict):
                if not _same(value, content):
                    dict.clear(value)
                    dict.update(value, content)
            elif isinstance(value, set):
                if value != set(content):
                    set.clear(value)
                    set.update(value, content)
            elif isinstance(value, deque):
                if len(value) != len(content) or any(
                    one is not other for one, other in zip(value, content, strict=True)
                ):
                    value.clear()
                    value.extend(content)
            elif len(value) != len(content) or any(one is not other for one, other in zip(value, content, strict=True)):
                list.clear(value)
                list.extend(value, content)
        for restorer in self.restorers:
            restorer()


def _restorers(value: Any) -> list[Callable[[], None]]:
    """What gives an array its numbers again, or a generator of random numbers its state."""
    if isinstance(value, np.ndarray):
        if not value.flags.writeable or isinstance(value, np.memmap):
            return []
        return [partial(np.copyto, value, value.copy())]
    if isinstance(value, np.random.Generator):
        return [partial(setattr, value.bit_generator, "state", value.bit_generator.state)]
    if isinstance(value, np.random.RandomState):
        return [partial(value.set_state, value.get_state())]
    return [partial(value.setstate, value.getstate())]


def _same(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    return list(now) == list(before) and all(now[key] is value for key, value in before.items())
