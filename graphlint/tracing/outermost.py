"""Calls of layers and operations, watched while a model runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

from graphlint.knowledge import keras_internals


class OutermostCalls:
    """The calls of some layers and operations: of calls of one of them inside each other, the outermost.

    ``paths`` has the path of each by ``id``. Classes below say in `called` what becomes of a call.
    """

    def __init__(self, paths: Mapping[int, str]) -> None:
        self.paths = paths
        self._entering: list[int] = []
        self.counts: dict[int, int] = {}
        """How often each ran, without the first time, by ``id``."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """While this lasts, calls are watched."""
        patches = [(cls, "__call__", self._watched(vars(cls)["__call__"])) for cls in dict.fromkeys(self.classes())]
        with keras_internals.replaced(patches):
            yield

    def classes(self) -> Iterable[type]:
        """The classes whose calls are watched: those that define one."""
        return keras_internals.classes_with_call()

    def called(self, layer: Any, args: Any, kwargs: Any, run: Callable[[], tuple[int, Any]]) -> Any:
        """What a call returns. ``run`` runs it, and returns which call of the layer it is, and its outputs."""
        raise NotImplementedError

    def _watched(self, call: Any) -> Any:
        @wraps(call)
        def watched_call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            key = id(layer)
            if key not in self.paths or key in self._entering:
                return call(layer, *args, **kwargs)

            def run() -> tuple[int, Any]:
                self._entering.append(key)
                try:
                    outputs = call(layer, *args, **kwargs)
                finally:
                    self._entering.remove(key)
                self.counts[key] = self.counts.get(key, -1) + 1
                return self.counts[key], outputs

            return self.called(layer, args, kwargs, run)

        return watched_call
