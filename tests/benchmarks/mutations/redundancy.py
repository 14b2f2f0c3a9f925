"""Faults of family R."""

from __future__ import annotations

from collections.abc import Iterator

from keras import layers, ops

from tests.benchmarks.mutations.mutant import Clean, Mutant, injects


@injects("R001")
def layer_that_does_nothing(clean: Clean) -> Iterator[Mutant]:
    for place, (name, tensor) in enumerate(clean.places()):
        if tensor in clean.functional.outputs:
            continue
        nothing = [
            layers.Dropout(0.0, name="injected"),
            layers.Activation("linear", name="injected"),
            layers.Reshape(tensor.shape[1:], name="injected"),
            layers.GaussianNoise(0.0, name="injected"),
            layers.Rescaling(1.0, name="injected"),
        ][place % 5]
        yield Mutant(("injected",), clean.after(name, nothing))


@injects("R002")
def late_binding(clean: Clean) -> Iterator[Mutant]:
    for name, _ in clean.places():

        def twice(x):
            branches = [layers.Lambda(ops.tanh, name=f"injected_{index}")(x) for index in range(2)]
            return layers.Average()(branches)

        yield Mutant(("injected_0", "injected_1"), clean.after(name, twice))
