"""Fingerprints: identities of findings that survive saving again, moving the file and renaming by Keras."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

from graphlint.knowledge.naming import snake_case
from graphlint.model.address import ROOT, escape
from graphlint.model.graph import Layer, ModelGraph, Tensor

_CALL = re.compile(r"#\d+")


class Fingerprints:
    """Fingerprints of the findings of one model.

    A fingerprint is a hash of the code, the address of the node and what distinguishes two findings there. In the
    address, a name that Keras generated (``dense_7``) is replaced by the class and the index among the layers of that
    class in the same container, in graph order.
    """

    def __init__(self, graph: ModelGraph | None) -> None:
        self._graph = graph
        self._parts: dict[str, str] | None = None
        self._seen: Counter[str] = Counter()

    def of(self, code: str, node: str | Tensor | None, key: str = "") -> str:
        """The fingerprint of the next finding of a rule at a node."""
        text = "\n".join((code, self.normalised(node), self.normalised(key) if key else ""))
        self._seen[text] += 1
        return hashlib.sha256(f"{text}\n{self._seen[text]}".encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def normalised(self, node: str | Tensor | None) -> str:
        """The address of a node without automatic names; any other text as it is."""
        if node is None or self._graph is None:
            return ""
        graph = self._graph
        if isinstance(node, Tensor):
            return f"{self.normalised(node.call)}:{node.output}"
        if node in graph.variables:
            variable = graph.variables[node]
            return f"{self._path(variable.layer)}@{escape(variable.slot)}"
        if node in graph.calls or node in graph.scopes:
            layer = graph.calls[node].layer if node in graph.calls else graph.scopes[node].layer
            return self._path(layer) + "".join(_CALL.findall(node))
        return self._path(node) if node in graph.layers else node

    def _path(self, layer: str) -> str:
        if self._parts is None:
            assert self._graph is not None
            self._parts = _parts(self._graph)
        assert self._graph is not None
        parts = []
        path: str | None = layer
        while path is not None and path != ROOT:
            parts.append(self._parts[path])
            path = self._graph.layers[path].parent
        return "/".join(reversed(parts)) or ROOT


def _parts(graph: ModelGraph) -> dict[str, str]:
    """The last part of each layer's normalised path."""
    places: Counter[tuple[str | None, str | None]] = Counter()
    found = {}
    for layer in graph.layers.values():
        place = places[layer.parent, layer.class_name]
        places[layer.parent, layer.class_name] += 1
        last = layer.path.rpartition("/")[2]
        found[layer.path] = f"{layer.class_name}[{place}]" if has_automatic_name(layer) else last
    return found


def has_automatic_name(layer: Layer) -> bool:
    """Whether a layer has a name that Keras generates: its class in snake case, possibly with a number."""
    bases = {snake_case(layer.class_name or ""), "input" if layer.is_input else ""} - {""}
    return any(_numbered(layer.name, base) for base in bases)


def _numbered(name: str, base: str) -> bool:
    rest = name.removeprefix(base)
    return name.startswith(base) and (not rest or (rest[0] == "_" and rest[1:].isdecimal()))
