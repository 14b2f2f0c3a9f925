"""All or nothing: symbolic calls add nodes to layers; a failed surgery removes them again."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from graphlint.knowledge import keras_internals

ONE_AT_A_TIME = threading.RLock()
"""Held while a model is operated on: what one thread takes back must not be what another one has just recorded."""


class Transaction:
    """Remembers the node lists of some operations and truncates them if the block raises.

    With ``keep=False`` the nodes are removed in any case. Keras warns about every nested model that is called on a
    tensor with a mask, although the mask does reach its layers; that warning is silenced.
    """

    def __init__(self, operations: Iterable[Any], *, keep: bool = True) -> None:
        self.keep = keep
        self.operations = list(operations)
        self.warnings = warnings.catch_warnings()
        self.lists: list[tuple[list[Any], int]] = []

    def __enter__(self) -> Transaction:
        ONE_AT_A_TIME.acquire()
        for operation in self.operations:
            for nodes in (keras_internals.inbound_nodes(operation), keras_internals.outbound_nodes(operation)):
                self.lists.append((nodes, len(nodes)))
        self.warnings.__enter__()
        warnings.filterwarnings("ignore", message=".*passed an input with a mask attached.*")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.warnings.__exit__(kind, error, trace)
        if error is not None or not self.keep:
            for nodes, length in self.lists:
                del nodes[length:]
        ONE_AT_A_TIME.release()
