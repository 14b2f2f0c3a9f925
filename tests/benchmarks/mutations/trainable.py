"""Faults of family T."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
from keras import layers

from tests.benchmarks.mutations.disconnected import compile_again, known_optimizer
from tests.benchmarks.mutations.mutant import Clean, Mutant, injects


@injects("T001")
def frozen_model_with_a_layer_that_trains(clean: Clean) -> Iterator[Mutant]:
    for path, layer in clean.layer_paths():
        container, _, _ = path.rpartition("/")
        if not container or not any("seed" not in variable.path for variable in layer.weights):
            continue
        if isinstance(layer, layers.Normalization):
            continue
        stored = clean.stored.copy()
        for where, entry in stored.layers():
            if where.startswith(f"{container}/"):
                entry["config"]["trainable"] = where == path
        stored.layer(container)["config"]["trainable"] = False
        yield Mutant((container,), path=stored.write(clean.target()))


@injects("T002")
def frozen_after_the_optimizer_was_built(clean: Clean) -> Iterator[Mutant]:
    if not known_optimizer(clean.model):
        return
    for name, layer, _ in clean.calls():
        if not isinstance(layer, keras.Layer) or not layer.trainable_variables:
            continue
        model = clean.cloned()
        model.optimizer.build(model.trainable_variables)
        model.get_layer(name).trainable = False
        if model.trainable_variables:
            own = type(layer).__module__.startswith("keras.")
            yield Mutant((), model, live_only=not own)


@injects("T003")
def training_written_into_a_call(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if isinstance(layer, (layers.Dropout, layers.SpatialDropout1D, layers.BatchNormalization)):
            yield Mutant(
                (name,), clean.with_call(name, lambda layer, args, kwargs: layer(*args, **{**kwargs, "training": True}))
            )


@injects("T004")
def one_norm_left_live(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if not isinstance(layer, keras.Model):
            continue
        weighted = [one for one in layer.layers if one.weights]
        for norm in weighted:
            if isinstance(norm, layers.BatchNormalization) and len(weighted) >= 10:
                model = clean.cloned()
                inner = model.get_layer(name)
                inner.trainable = True
                kernel = next(one for one in inner.layers if isinstance(one, layers.Conv2D))
                for one in inner.layers:
                    one.trainable = one.name in (norm.name, kernel.name)
                compile_again(model)
                yield Mutant((f"{name}/{norm.name}", name), model)


@injects("T005")
def everything_frozen(clean: Clean) -> Iterator[Mutant]:
    if clean.model.compiled and clean.model.loss is not None and clean.model.trainable_variables:
        model = clean.cloned()
        for layer in model.layers:
            layer.trainable = False
        compile_again(model)
        yield Mutant((), model)


def models_up_to_a_layer(clean: Clean) -> Iterator[tuple[keras.Model, keras.Model]]:
    """A copy of the model, and the part of it up to one layer as a model of its own."""
    if len(clean.model.inputs) > 1:
        return
    for name, layer, _ in clean.calls():
        if not isinstance(layer, keras.Layer) or isinstance(layer, keras.Model) or not layer.trainable_variables:
            continue
        model = clean.cloned()
        end = model.get_layer(name).output
        if not any(end is output for output in model.outputs):
            yield model, keras.Model(model.inputs, end, name="part")


@injects("T006")
def frozen_with_a_layer_used_elsewhere(clean: Clean) -> Iterator[Mutant]:
    for model, part in models_up_to_a_layer(clean):
        if len(part.trainable_variables) == len(model.trainable_variables):
            continue
        part.trainable = False
        other = keras.Input(batch_shape=model.inputs[0].shape, dtype=model.inputs[0].dtype)
        yield Mutant(("part",), keras.Model([*model.inputs, other], [*model.outputs, part(other)]))


@injects("T007")
def one_variable_frozen(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if type(layer) in (layers.Dense, layers.Conv2D) and layer.trainable and layer.use_bias:
            model = clean.cloned()
            model.get_layer(name).bias.trainable = False
            if model.compiled:
                compile_again(model)
            yield Mutant((name,), model, live_only=True)


@keras.saving.register_keras_serializable(package="mutations")
class Undropped(layers.Layer):
    """A custom layer whose dropout never drops."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drop = layers.Dropout(0.5)

    def call(self, x: Any) -> Any:
        return self.drop(x, training=False)


@injects("T008")
def dropout_switched_off_in_code(clean: Clean) -> Iterator[Mutant]:
    for place, (name, _) in enumerate(clean.places(rank=2)):
        holder = Undropped(name=f"injected_{place}")
        yield Mutant((f"{holder.name}/drop",), clean.after(name, holder), live_only=True)
