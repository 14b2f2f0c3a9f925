"""What fixes change in a model, as a diff of its calls and of how it is compiled."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator

from graphlint.model.graph import ModelGraph


def difference(old: ModelGraph, new: ModelGraph) -> str:
    """A unified diff of two models, one line per call: what it is, what it receives, what is frozen."""
    lines = difflib.unified_diff(list(_lines(old)), list(_lines(new)), "before", "after", n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith("@@"))


def _lines(graph: ModelGraph) -> Iterator[str]:
    for call in graph.calls.values():
        layer = graph.layers[call.layer]
        plain = {
            key: value
            for key, value in layer.config.items()
            if isinstance(value, (str, int, float)) and key not in ("name", "trainable", "dtype", "optional", "sparse")
        }
        said = [f"{key}={value}" for key, value in plain.items()]
        said += [f"{key}={value}" for key, value in call.kwargs.items() if isinstance(value, (bool, int, float))]
        received = ", ".join(graph.address(tensor) for tensor in graph.producers(call.id))
        frozen = "" if layer.trainable or not graph.variables_of(layer.path) else "  frozen"
        shape = list(call.outputs[0].shape or ()) if call.outputs else []
        kind = f"{layer.class_name}({', '.join(said)})"
        yield f"{graph.address(call.id)} = {kind}{f' of {received}' if received else f' {shape}'}{frozen}"
    for layer in graph.layers.values():
        if not layer.container and not graph.call_sites(layer.path) and graph.variables_of(layer.path):
            yield f"{layer.path} = {layer.class_name}, never called"
    for key in ("loss", "loss_weights"):
        value = (graph.compile_config or {}).get(key)
        if value is not None:
            yield f"compiled with {key}={json.dumps(value, sort_keys=True)}"
