"""Faults of family N."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
from keras import layers

from tests.benchmarks.mutations.disconnected import group_of, known_optimizer, trained
from tests.benchmarks.mutations.mutant import Clean, Mutant, injects, inside


def stored_arrays(clean: Clean) -> Iterator[tuple[str, keras.Layer, str, np.ndarray]]:
    """Path, layer, name and numbers of each stored floating-point array of the root's own leaves."""
    arrays = dict(clean.stored.arrays())
    for path, layer in clean.layer_paths():
        group = None if "/" in path else group_of(clean, layer)
        for name, array in arrays.items():
            if group is not None and name.startswith(group) and array.dtype.kind == "f" and array.size:
                yield path, layer, name, array


@injects("N001")
def not_a_number(clean: Clean) -> Iterator[Mutant]:
    for place, (path, layer, name, array) in enumerate(stored_arrays(clean)):
        broken = array.copy()
        broken.reshape(-1)[array.size // 2] = (np.nan, np.inf, -np.inf)[place % 3]
        yield Mutant(inside(path, layer), path=clean.stored.with_array(name, broken).write(clean.target()))


@injects("N002")
def variance_below_zero(clean: Clean) -> Iterator[Mutant]:
    for path, layer, name, array in stored_arrays(clean):
        if isinstance(layer, layers.BatchNormalization) and name.endswith(f"/{len(layer.weights) - 1}"):
            broken = array.copy()
            broken[0] = -0.5
            yield Mutant((path,), path=clean.stored.with_array(name, broken).write(clean.target()))


@injects("N003")
def norm_as_created(clean: Clean) -> Iterator[Mutant]:
    if not known_optimizer(clean.model):
        return
    count = sum(isinstance(layer, layers.BatchNormalization) for _, layer in clean.layer_paths())
    for place in range(count):
        model = trained(clean)
        held = clean.holding(model)
        path, norm = [
            (path, layer) for path, layer in held.layer_paths() if isinstance(layer, layers.BatchNormalization)
        ][place]
        if not norm.trainable or norm.momentum == 0:
            continue
        norm.moving_mean.assign(np.zeros(tuple(norm.moving_mean.shape)))
        norm.moving_variance.assign(np.ones(tuple(norm.moving_variance.shape)))
        yield Mutant((path,), model)


@injects("N004")
def kernel_all_equal(clean: Clean) -> Iterator[Mutant]:
    if not known_optimizer(clean.model):
        return
    kinds = (layers.Dense, layers.Conv2D, layers.Conv1D, layers.DepthwiseConv2D)
    for place, (path, layer) in enumerate(clean.layer_paths()):
        if (
            isinstance(layer, kinds)
            and layer.trainable
            and layer.kernel.trainable
            and sum(dim == 1 for dim in layer.kernel.shape) < 2
        ):
            model = trained(clean)
            held = clean.holding(model)
            path, here = list(held.layer_paths())[place]
            kernel = here.kernel
            kernel.assign(np.full(tuple(kernel.shape), 0.3))
            yield Mutant((path,), model)


@injects("N005")
def weight_beyond_use(clean: Clean) -> Iterator[Mutant]:
    for place, (path, layer, name, array) in enumerate(stored_arrays(clean)):
        statistics = 2 if isinstance(layer, layers.BatchNormalization) else 0
        index = int(name.rpartition("/")[2]) if name.rpartition("/")[2].isdecimal() else 0
        trained = clean.model.trainable and index < len(layer.weights) - statistics
        if trained and index < len(layer.weights) and layer.weights[index].trainable and array.size > 1:
            broken = array.copy()
            broken.reshape(-1)[array.size // 2] = (4e6, -5e8)[place % 2]
            yield Mutant(inside(path, layer), path=clean.stored.with_array(name, broken).write(clean.target()))
