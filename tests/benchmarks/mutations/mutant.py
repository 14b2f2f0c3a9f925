"""What an injected fault is, and how a clean model is rebuilt with one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from tests.benchmarks.mutations.stored import StoredModel

LOOKUPS = (keras.layers.StringLookup, keras.layers.IntegerLookup, keras.layers.TextVectorization)


@dataclass(frozen=True)
class Mutant:
    """A model with one fault: in memory (``model``), or as the file at ``path``.

    ``expected`` are the layer paths at which the rule may report it; empty where it reports the model as a whole.
    """

    expected: tuple[str, ...]
    model: keras.Model | None = None
    path: Path | None = None
    models: Mapping[str, keras.Model | Path] | None = None
    """Several models, for a rule over several."""
    suffix: str = ".keras"
    live_only: bool = False


class Clean:
    """A clean model under its name. ``model`` is never changed; ``fresh()`` builds one that may be."""

    def __init__(self, name: str, build: Callable[[], keras.Model], folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.build = build

    @cached_property
    def model(self) -> keras.Model:
        return self.fresh()

    def fresh(self) -> keras.Model:
        """The model built anew: its automatic names are others."""
        return self.build()

    def holding(self, model: keras.Model) -> Clean:
        """A model built anew, with the queries of this class."""
        found = Clean(self.name, self.build, self.folder)
        found.__dict__["model"] = model
        return found

    @cached_property
    def functional(self) -> keras.Model:
        """The model as a Functional one; Sequential models hold one inside."""
        model = self.model
        if not isinstance(model, keras.Sequential):
            return model
        found = keras.Model(model.inputs, model.outputs, name=model.name)
        if model.compiled:
            found.compile_from_config(model.get_compile_config())
        return found

    @cached_property
    def path(self) -> Path:
        path = self.folder / f"{self.name}.keras"
        self.model.save(path)
        return path

    @cached_property
    def stored(self) -> StoredModel:
        return StoredModel.read(self.path)

    def target(self, suffix: str = ".keras") -> Path:
        """A new path for a mutant."""
        return Path(tempfile.mkstemp(suffix, f"{self.name}-", self.folder)[1])

    def calls(self) -> Iterator[tuple[str, Any]]:
        """Name and layer or operation of each call of the root that has one output and is called once, Inputs aside."""
        counts: dict[int, int] = {}
        found = []
        for nodes in sorted(self.functional._nodes_by_depth.items(), reverse=True):
            for node in nodes[1]:
                if not node.is_input:
                    counts[id(node.operation)] = counts.get(id(node.operation), 0) + 1
                    found.append(node)
        for node in found:
            if counts[id(node.operation)] == 1 and len(node.output_tensors) == 1:
                yield node.operation.name, node.operation, node.output_tensors[0]

    def consumers(self, layer: Any) -> list[Any]:
        """The operations of the root that receive what a layer of it returns, once for each call."""
        return [node.operation for node in self.receiving(layer)]

    def receiving(self, layer: Any) -> list[Any]:
        """The nodes of those calls."""
        return self._receiving.get(id(layer), [])

    @cached_property
    def _receiving(self) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {}
        for node in (node for nodes in self.functional._nodes_by_depth.values() for node in nodes):
            for producer in {id(tensor._keras_history.operation) for tensor in node.input_tensors}:
                found.setdefault(producer, []).append(node)
        return found

    def places(self, rank: int | None = None) -> Iterator[tuple[str, Any]]:
        """Name and output tensor of each such call with a floating-point output and static axes behind the batch."""
        for name, _, tensor in self.calls():
            shape = tensor.shape
            if "float" in tensor.dtype and None not in shape[1:] and (rank is None or len(shape) == rank):
                yield name, tensor

    def with_call(
        self, name: str, change: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any], copied: bool = False
    ) -> keras.Model:
        """The model with the call of one layer or operation made by ``change(layer, args, kwargs)`` instead.

        It has the layers of the clean model itself, which saves most of the time, unless they are ``copied``: layers
        whose input gets another shape have to be built anew.
        """

        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            return change(layer, args, kwargs) if layer.name == name else layer(*args, **kwargs)

        if copied:
            return self.cloned(call)
        return keras.models.clone_model(self.functional, clone_function=lambda layer: layer, call_function=call)

    def after(self, name: str, change: Callable[[Any], Any]) -> keras.Model:
        """The model with what one call returns replaced by ``change(tensor)``."""
        return self.with_call(name, lambda layer, args, kwargs: change(layer(*args, **kwargs)))

    def cloned(self, call: Callable[..., Any] | None = None) -> keras.Model:
        found = keras.models.clone_model(
            self.functional, call_function=call or (lambda layer, *args, **kwargs: layer(*args, **kwargs))
        )
        kept = {layer.name: layer for layer in found.layers}
        for layer in self.functional.layers:
            if isinstance(layer, LOOKUPS) and layer.get_config()["vocabulary"] is None and layer.name in kept:
                kept[layer.name].set_vocabulary(layer.get_vocabulary())
        return found

    def layer_paths(self) -> Iterator[tuple[str, keras.Layer]]:
        """Path and layer of every leaf with weights, in nested models as well."""
        stack: list[tuple[str, keras.Model]] = [("", self.model)]
        seen: set[int] = set()
        while stack:
            prefix, model = stack.pop()
            for layer in model.layers:
                if id(layer) in seen:
                    continue
                seen.add(id(layer))
                if isinstance(layer, keras.Model):
                    stack.append((f"{prefix}{layer.name}/", layer))
                elif layer.weights:
                    yield f"{prefix}{layer.name}", layer


def inside(path: str, layer: keras.Layer) -> tuple[str, ...]:
    """The paths at which a fault in the weights of a layer may be reported: its own, and those of its sublayers."""
    found, stack = [], [(path, layer)]
    while stack:
        where, one = stack.pop()
        found.append(where)
        for attribute, value in vars(one).items():
            if isinstance(value, keras.Layer) and len(found) < 100:
                stack.append((f"{where}/{attribute.lstrip('_')}", value))
    return tuple(found)


Injector = Callable[[Clean], Iterator[Mutant]]
INJECTORS: dict[str, list[Injector]] = {}


def injects(code: str) -> Callable[[Injector], Injector]:
    """Register an injector of the fault that the rule with this code finds."""

    def register(injector: Injector) -> Injector:
        INJECTORS.setdefault(code, []).append(injector)
        return injector

    return register
