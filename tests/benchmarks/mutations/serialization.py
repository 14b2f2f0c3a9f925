"""Faults of family K."""

from __future__ import annotations

import json
from collections.abc import Iterator

import keras
from keras import layers

from tests.benchmarks.mutations.disconnected import known_optimizer, trained
from tests.benchmarks.mutations.mutant import Clean, Mutant, injects


def editable(clean: Clean) -> Iterator[tuple[str, keras.Layer]]:
    """Path and layer of Keras's own leaves with weights."""
    for path, layer in clean.layer_paths():
        if type(layer).__module__.startswith("keras."):
            yield path, layer


@injects("K001")
def lambda_over_a_layer(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places():
        hidden = layers.Dense(tensor.shape[-1])
        hidden.build(tensor.shape)

        @keras.saving.register_keras_serializable("injected")
        def through_the_layer(x, hidden=hidden):
            return hidden(x)

        if tensor not in clean.functional.outputs:
            function = layers.Lambda(through_the_layer, output_shape=tensor.shape[1:], name="injected")
            yield Mutant(("injected",), clean.after(name, function), live_only=True)


@injects("K002")
def class_of_nowhere(clean: Clean) -> Iterator[Mutant]:
    for path, layer in editable(clean):
        if list(layer._flatten_layers()) != [layer] or isinstance(layer, layers.RNN):
            continue
        changed = clean.stored.copy()
        entry = changed.layer(path)
        entry.update(class_name=f"My{entry['class_name']}", module=None, registered_name=f"My{entry['class_name']}")
        yield Mutant((path,), path=changed.write(clean.target()))


@injects("K003")
def operation_of_keras_2(clean: Clean) -> Iterator[Mutant]:
    for path, entry in clean.stored.layers():
        if entry["class_name"] == "Activation" or entry["class_name"] == "ReLU":
            changed = clean.stored.copy()
            here = changed.layer(path)
            here.update(class_name="TFOpLambda", module="keras.layers", registered_name="TFOpLambda")
            here["config"] = {"name": here["config"]["name"], "trainable": True, "function": "nn.relu"}
            yield Mutant((path,), path=changed.write(clean.target()))


@injects("K004")
def slash_in_a_name(clean: Clean) -> Iterator[Mutant]:
    elsewhere = {path.rpartition("/")[2] for path, _ in clean.stored.layers() if "/" in path}
    for path, _ in editable(clean):
        if "/" in path or path in elsewhere:
            continue
        changed = clean.stored.copy()
        new = f"in/{path}"
        entry = changed.layer(path)
        entry["config"]["name"] = new
        if "name" in entry:
            entry["name"] = new
        _rename(changed.config, path, new)
        yield Mutant((f"in%2F{path}",), path=changed.write(clean.target()))


def _rename(node: object, old: str, new: str) -> None:
    """Rename where tensors come from."""
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("keras_history", "input_layers", "output_layers"):
                    _rename_history(value, old, new)
                else:
                    stack.append(value)
        elif isinstance(node, list):
            stack.extend(node)


def _rename_history(value: object, old: str, new: str) -> None:
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
        value[0] = new if value[0] == old else value[0]
    elif isinstance(value, (list, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            _rename_history(one, old, new)


@injects("K006")
def loss_of_ones_own(clean: Clean) -> Iterator[Mutant]:
    if clean.stored.compile_config:
        for key in ("loss", "metrics", "optimizer"):
            changed = clean.stored.copy()
            own = {"module": "builtins", "class_name": "function", "config": "mine", "registered_name": "function"}
            if key == "optimizer":
                own = {"module": "mine", "class_name": "Mine", "config": {}, "registered_name": "Mine"}
            changed.compile_config[key] = [own] if key == "metrics" else own
            yield Mutant((), path=changed.write(clean.target()))


@injects("K007")
def vocabulary_in_a_file(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if isinstance(layer, (layers.StringLookup, layers.IntegerLookup)):
            model = clean.cloned()
            model.get_layer(name).input_vocabulary = "/data/words.txt"
            yield Mutant((name,), model)


@injects("K010")
def argument_that_no_release_takes(clean: Clean) -> Iterator[Mutant]:
    for path, _ in editable(clean):
        changed = clean.stored.copy()
        changed.layer(path)["config"]["colour"] = "red"
        yield Mutant((path,), path=changed.write(clean.target()))


@injects("K013")
def function_of_an_older_release(clean: Clean) -> Iterator[Mutant]:
    for path, layer in editable(clean):
        if not isinstance(layer, (layers.Dense, layers.Conv2D, layers.GRU)):
            continue
        if keras.activations.serialize(layer.activation) in ("relu", "tanh"):
            changed = clean.stored.copy()
            key = "recurrent_activation" if isinstance(layer, layers.GRU) else "activation"
            changed.layer(path)["config"][key] = "hard_sigmoid"
            metadata = json.loads(changed.others["metadata.json"])
            changed.others["metadata.json"] = json.dumps({**metadata, "keras_version": "2.15.0"}).encode()
            yield Mutant((path,), path=changed.write(clean.target()))


@injects("K012")
def activation_gone(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if isinstance(layer, (layers.Dense, layers.Conv2D)):
            model = clean.cloned()
            changed = model.get_layer(name)
            if keras.activations.serialize(layer.activation) == "linear":
                changed.activation = None
            else:
                changed.kernel_regularizer = object()
            yield Mutant((name,), model, live_only=True)


@injects("K005")
def name_used_twice(clean: Clean) -> Iterator[Mutant]:
    names = [path.rpartition("/")[2] for path, _ in clean.stored.layers()]
    for name, layer, _ in clean.calls():
        if isinstance(layer, keras.Layer) and not isinstance(layer, keras.Model) and names.count(name) == 1:
            inner = clean.cloned()
            inputs = [keras.Input(batch_shape=one.shape, dtype=one.dtype) for one in inner.inputs]
            outputs = keras.tree.flatten(inner(keras.tree.pack_sequence_as(inner.input, inputs)))
            other = keras.Input((3,))
            again = layers.Dense(2, name=name)(other)
            yield Mutant((name, f"{inner.name}/{name}"), keras.Model([*inputs, other], [*outputs, again]))


@keras.saving.register_keras_serializable("mutations")
class Closed(layers.Layer):
    """A custom layer that leaves the graph on the way to its sublayer: nothing outside sees how it calls it."""

    def build(self, shape):
        self.inner = layers.Dense(shape[-1])
        self.inner.build(shape)

    def compute_output_shape(self, shape):
        return shape

    def call(self, x):
        return self.inner(keras.ops.convert_to_tensor(keras.ops.convert_to_numpy(x)))


@injects("K008")
def body_that_cannot_be_seen(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places():
        if tensor not in clean.functional.outputs:
            yield Mutant(("injected",), clean.after(name, Closed(name="injected")))


@injects("K009")
def state_of_the_optimizer(clean: Clean) -> Iterator[Mutant]:
    if known_optimizer(clean.model):
        path = clean.target()
        trained(clean).save(path)
        yield Mutant((), path=path)


@injects("K011")
def training_switched_off(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if isinstance(layer, (layers.Dropout, layers.GaussianNoise)):
            yield Mutant(
                (),
                clean.with_call(name, lambda layer, args, kwargs: layer(*args, **{**kwargs, "training": False})),
            )
