"""The same model twice: a Functional one, and a subclass whose ``call`` is the same code, generated from its graph."""

from __future__ import annotations

import re
from typing import Any

import keras

from graphlint.knowledge import keras_internals

_CODE = """
class Twin({base}):
    def __init__(self, steps):
        super().__init__(autocast=False)
        for name, layer in steps.items():
            setattr(self, name, layer)

    def call(self, inputs):
{lines}
"""


def twin(model: keras.Model) -> keras.Model:
    """A subclassed model with the layers of a Functional one, called in the same order with the same arguments."""
    made: keras.Model
    made, structure = _written(model, "keras.Model")
    made(structure)
    return made


def around(model: keras.Model) -> keras.Model:
    """A Functional model of one custom layer that does what a Functional model does."""
    layer, structure = _written(model, "keras.layers.Layer")
    inputs = keras.tree.map_structure(lambda tensor: tensor, structure)
    return keras.Model(inputs, layer(inputs))


def _written(model: keras.Model, base: str) -> tuple[Any, Any]:
    writer = _Writer(keras_internals.graph_model(model))
    lines = writer.chain(model) if isinstance(model, keras.Sequential) else writer.lines()
    code = _CODE.format(base=base, lines="\n".join(f"        {line}" for line in lines))
    names: dict[str, Any] = {"keras": keras, "ops": keras.ops, "values": writer.values, "__name__": "twins"}
    exec(compile(code, "<twin>", "exec"), names)
    structure = keras_internals.declared_inputs(writer.model)
    if isinstance(structure, (list, tuple)) and len(structure) == 1:
        structure = structure[0]
    return names["Twin"](writer.steps), structure


class _Writer:
    """Writes the graph of a Functional model as code."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.steps: dict[str, keras.Layer] = {}
        self.values: list[Any] = []
        self.names: dict[int, str] = {}

    def lines(self) -> list[str]:
        structure = keras_internals.declared_inputs(self.model)
        if isinstance(structure, (list, tuple)) and len(structure) == 1:
            structure = structure[0]
        self.unpack(structure, "inputs")
        found = []
        for node in keras_internals.run_order(self.model):
            outputs = keras_internals.node_outputs(node)
            operation = keras_internals.node_operation(node)
            if isinstance(operation, keras.layers.InputLayer):
                continue
            name = f"t{len(found)}"
            args, kwargs = keras_internals.node_arguments(node)
            found.append(f"{name} = {self.call(operation, args, kwargs)}")
            if len(outputs) == 1:
                self.names[id(outputs[0])] = name
                continue
            found.append(f"{name} = keras.tree.flatten({name})")
            for place, tensor in enumerate(outputs):
                self.names[id(tensor)] = f"{name}[{place}]"
        return [*found, f"return {self.text(keras_internals.declared_outputs(self.model))}"]

    def chain(self, model: keras.Sequential) -> list[str]:
        layers = keras_internals.added_layers(model)[1:]
        names = {id(layer): f"step_{place}" for place, layer in enumerate(layers)}
        self.steps = {names[id(layer)]: layer for layer in layers}
        return [*(f"inputs = self.{names[id(layer)]}(inputs)" for layer in layers), "return inputs"]

    def unpack(self, structure: Any, name: str) -> None:
        if isinstance(structure, keras.KerasTensor):
            self.names[id(structure)] = name
        elif isinstance(structure, dict):
            for key, value in structure.items():
                self.unpack(value, f"{name}[{key!r}]")
        elif isinstance(structure, (list, tuple)):
            for place, value in enumerate(structure):
                self.unpack(value, f"{name}[{place}]")

    def call(self, operation: Any, args: Any, kwargs: dict[str, Any]) -> str:
        if isinstance(operation, keras.Layer):
            name = next((key for key, layer in self.steps.items() if layer is operation), f"step_{len(self.steps)}")
            self.steps[name] = operation
            written = [self.text(value) for value in args]
            written += [f"{key}={self.text(value)}" for key, value in kwargs.items() if value is not None]
            return f"self.{name}({', '.join(written)})"
        class_name = type(operation).__name__
        if class_name == "GetItem":
            return f"{self.text(args[0])}[{self.text(args[1])}]"
        config = dict(keras.saving.serialize_keras_object(operation)["config"])
        config.pop("name", None)
        function = re.sub("([a-z0-9])([A-Z])", r"\1_\2", class_name).lower()
        written = [self.text(value) for value in args]
        written += [f"{key}={self.text(value)}" for key, value in {**config, **kwargs}.items()]
        return f"ops.{function}({', '.join(written)})"

    def text(self, value: Any) -> str:
        """A value as code."""
        if isinstance(value, keras.KerasTensor):
            return self.names[id(value)]
        if isinstance(value, (list, tuple)):
            items = "".join(f"{self.text(item)}, " for item in value)
            return f"[{items}]" if isinstance(value, list) else f"({items})"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key!r}: {self.text(item)}" for key, item in value.items()) + "}"
        if value is None or isinstance(value, (bool, int, float, str)):
            return repr(value)
        self.values.append(value)
        return f"values[{len(self.values) - 1}]"
