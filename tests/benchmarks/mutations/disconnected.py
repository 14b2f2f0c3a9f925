"""Faults of family D."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.sources.live import read_live
from tests.benchmarks.mutations.mutant import Clean, Mutant, injects, inside
from tests.benchmarks.mutations.shared_weights import new_operation


@injects("D001")
def input_that_nothing_uses(clean: Clean) -> Iterator[Mutant]:
    model = clean.cloned()
    for place in range(len(model.inputs) + 1):
        inputs = list(model.inputs)
        inputs.insert(place, keras.Input((3,), name="injected"))
        yield Mutant(("injected",), keras.Model(inputs, model.outputs))


def output_of(model: keras.Model, name: str) -> Any:
    """The output of a layer of the root; None for operations and nested models."""
    layer = next((one for one in model.layers if one.name == name), None)
    return None if layer is None or isinstance(layer, keras.Model) else layer.output


@injects("D002")
def head_that_nothing_uses(clean: Clean) -> Iterator[Mutant]:
    for name, _ in clean.places():
        inner = clean.cloned()
        tensor = output_of(inner, name)
        if tensor is None or "float" not in tensor.dtype or len(tensor.shape) < 2:
            continue
        inner = keras.Model(inner.inputs, [*inner.outputs, layers.Dense(3, name="injected")(tensor)], name="inner")
        inputs = [keras.Input(batch_shape=one.shape, dtype=one.dtype) for one in inner.inputs]
        yield Mutant(("inner/injected",), keras.Model(inputs, inner(inputs)[:-1]))


@injects("D003")
def head_without_loss(clean: Clean) -> Iterator[Mutant]:
    if not clean.model.compiled or len(clean.model.outputs) > 1 or isinstance(clean.functional.output, dict):
        return
    loss = clean.model.loss
    for name, _ in clean.places():
        model = clean.cloned()
        tensor = output_of(model, name)
        if tensor is None or "float" not in tensor.dtype or tensor is model.outputs[0]:
            continue
        model = keras.Model(model.inputs, [*model.outputs, layers.Dense(3, name="injected")(tensor)])
        model.compile("adam", [loss, None])
        yield Mutant(("injected",), model)


def known_optimizer(model: keras.Model) -> bool:
    return model.compiled and type(model.optimizer).__name__ in ("Adam", "AdamW", "RMSprop", "Nadam", "Adagrad")


def trained(clean: Clean) -> keras.Model:
    """A model that says it was trained for 50 steps, with statistics and slots that look so."""
    random = np.random.default_rng(0)
    model = clean.fresh()
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(50)
    for variable in [*model.optimizer.variables[2:], *model.weights]:
        if len(variable.shape) > 0 and "float" in variable.dtype:
            variable.assign(variable + random.uniform(0.1, 0.2, tuple(variable.shape)))
    return model


@injects("D004")
def gradient_that_never_came(clean: Clean) -> Iterator[Mutant]:
    if not known_optimizer(clean.model) or type(clean.model.optimizer).__name__ == "Adagrad":
        return  # The sums of Adagrad do not start at 0.
    for place, (_, layer) in enumerate(clean.layer_paths()):
        if not layer.trainable_variables:
            continue
        model = trained(clean)
        path, cut = list(clean.holding(model).layer_paths())[place]
        mine = {variable.path.replace("/", "_") for variable in cut.trainable_variables}
        for variable in model.optimizer.variables[2:]:
            if any(name in variable.path for name in mine):
                variable.assign(ops.zeros_like(variable))
        if 0 < len(mine) < len(model.trainable_variables):
            yield Mutant(inside(path, cut), model)


def cutting(clean: Clean) -> Iterator[str]:
    """Calls of the root that every path to the outputs from some weights passes, and no weights of which come later."""
    graph = expand(read_live(clean.functional))
    outputs = {tensor.call for tensor in graph.outputs}
    for name, _ in clean.places():
        call = next((one for one in graph.calls.values() if one.layer == name), None)
        if call is None:
            continue
        before = graph.ancestors([call.id])
        held = {graph.variables[node].layer for node in before if node in graph.variables}
        around = {path: [graph.layers[path], *graph.enclosing(path)] for path in held}
        own = [one for one in around.values() if all(layer.is_keras for layer in one)]
        if len(own) == len(around) and any(one[0].trainable for one in own) and _cuts(graph, call.id, before, outputs):
            yield name


def _cuts(graph: ModelGraph, call: str, before: set[str], outputs: set[str]) -> bool:
    """Whether whatever lies before a call reaches the outputs through it alone."""
    if outputs & (before - {call}):
        return False
    return not any(
        target not in before for node in before - {call} if node in graph.calls for target in graph.nx.successors(node)
    )


@injects("D005")
def gradient_cut(clean: Clean) -> Iterator[Mutant]:
    if not clean.model.compiled:
        return
    operations = [ops.stop_gradient, ops.round, ops.sign]
    for place, name in enumerate(cutting(clean)):
        model = clean.after(name, operations[place % 3])
        yield Mutant((new_operation(clean, model),), model)


@injects("D006")
def zeros_in_the_way(clean: Clean) -> Iterator[Mutant]:
    if len(clean.model.outputs) > 1:
        return
    for name in cutting(clean):
        model = clean.after(name, ops.zeros_like)
        yield Mutant((model.outputs[0]._keras_history.operation.name,), model)


@injects("D007")
def weights_of_a_layer_lost(clean: Clean) -> Iterator[Mutant]:
    for path, layer in clean.layer_paths():
        if not type(layer).__module__.startswith("keras.") or "/" in path:
            continue
        group = group_of(clean, layer)
        if group is None:
            continue
        stored = clean.stored
        for name in [name for name in stored.names() if name.startswith(group)]:
            stored = stored.with_array(name, None)
        yield Mutant(inside(path, layer), path=stored.write(clean.target()))


def group_of(clean: Clean, layer: keras.Layer) -> str | None:
    """Where the file holds the weights of a layer of the root: found by its numbers."""
    counts: dict[str, int] = {}
    for one in clean.model.layers:
        base = keras.src.utils.naming.to_snake_case(type(one).__name__)
        place = counts.get(base, 0)
        counts[base] = place + 1
        if one is layer:
            return f"layers/{base}_{place}/" if place else f"layers/{base}/"
    return None


@injects("D007")
def bias_of_one_side_only(clean: Clean) -> Iterator[Mutant]:
    for path, layer in clean.layer_paths():
        if isinstance(layer, (layers.Dense, layers.Conv1D, layers.Conv2D)):
            changed = clean.stored.copy()
            changed.layer(path)["config"]["use_bias"] = not layer.use_bias
            yield Mutant((path,), path=changed.write(clean.target()))


@injects("D007")
def weights_of_no_layer(clean: Clean) -> Iterator[Mutant]:
    yield Mutant((), path=clean.stored.with_array("layers/gone/vars/0", np.ones((3, 4))).write(clean.target()))


def compile_again(model: keras.Model) -> None:
    """As one does after a change to what trains."""
    if model.compiled:
        model.compile_from_config(model.get_compile_config())


@injects("D008")
def layer_that_nothing_calls(clean: Clean) -> Iterator[Mutant]:
    model = clean.cloned()
    if type(model).__name__ != "Functional":
        return
    model.injected = layers.Dense(8, name="injected")
    model.injected.build((None, 4))
    compile_again(model)
    yield Mutant(("injected",), model)


@keras.saving.register_keras_serializable(package="mutations")
class Spare(layers.Layer):
    """A custom layer that returns what it receives, through one of its two layers, and never calls the other."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.kept = layers.EinsumDense("...a,ab->...b", output_shape=shape[-1:], kernel_initializer="identity")
        self.spare = layers.Dense(8, trainable=False)
        for layer in (self.kept, self.spare):
            layer.build((None, shape[-1]))

    def call(self, x: Any) -> Any:
        return self.kept(x)


@injects("D009")
def sublayer_that_no_code_calls(clean: Clean) -> Iterator[Mutant]:
    for place, (name, tensor) in enumerate(clean.places(rank=2)):
        if tensor.dtype == "float32":
            holder = Spare(name=f"injected_{place}", dtype="float32")
            yield Mutant((f"{holder.name}/spare",), clean.after(name, holder), live_only=True)
