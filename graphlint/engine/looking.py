"""Which rules ask for weights that were not read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphlint.model.graph import ModelGraph


class _Watched(dict[str, Any]):
    """A dictionary, here an empty one, that knows whether it was looked into."""

    asked = False

    def __iter__(self) -> Iterator[str]:
        self.asked = True
        return super().__iter__()

    def __len__(self) -> int:
        self.asked = True
        return super().__len__()

    def __contains__(self, key: object) -> bool:
        self.asked = True
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.asked = True
        return super().get(key, default)

    def values(self) -> Any:
        self.asked = True
        return super().values()

    def items(self) -> Any:
        self.asked = True
        return super().items()


class Looking:
    """Watches the variables of a graph of which none were read."""

    def __init__(self, graph: ModelGraph) -> None:
        _ = graph.live_nodes  # Asks for them on behalf of rules that ask for something else.
        self._all, self._by_layer = _Watched(graph.variables), _Watched()
        graph.variables = self._all
        graph.__dict__["_variables_by_layer"] = self._by_layer

    def asked(self) -> bool:
        """Whether somebody looked for variables since this was last asked."""
        found = self._all.asked or self._by_layer.asked
        self._all.asked = self._by_layer.asked = False
        return found

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """What looks for variables meanwhile is no rule."""
        before = self._all.asked, self._by_layer.asked
        yield
        self._all.asked, self._by_layer.asked = before
