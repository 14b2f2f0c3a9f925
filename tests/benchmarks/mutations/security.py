"""Faults of family X: nothing here does harm when loaded."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import h5py
import keras
from keras import layers

from tests.benchmarks.mutations.mutant import Clean, Mutant, injects


@injects("X001")
def lambda_in_the_graph(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places():
        if tensor not in clean.functional.outputs:
            path = clean.target()
            clean.after(name, layers.Lambda(lambda x: x * 1.5, name="injected")).save(path)
            yield Mutant(("injected",), path=path)


def _with_activations(clean: Clean) -> Iterator[str]:
    for path, entry in clean.stored.layers():
        if isinstance(entry["config"], dict) and isinstance(entry["config"].get("activation"), str):
            yield path


@injects("X001")
def lambda_as_activation(clean: Clean) -> Iterator[Mutant]:
    code = keras.saving.serialize_keras_object(lambda x: x * 1.5)
    for path in _with_activations(clean):
        changed = clean.stored.copy()
        changed.layer(path)["config"]["activation"] = code
        yield Mutant((path,), path=changed.write(clean.target()))


def _function(module: str, name: str) -> dict[str, object]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": "function"}


@injects("X002")
def function_of_the_system(clean: Clean) -> Iterator[Mutant]:
    for place, path in enumerate(_with_activations(clean)):
        changed = clean.stored.copy()
        named = [_function("os.path", "basename"), _function("builtins", "eval")][place % 2]
        changed.layer(path)["config"]["activation"] = named
        yield Mutant((path,), path=changed.write(clean.target()))


@injects("X003")
def function_that_reads_or_writes(clean: Clean) -> Iterator[Mutant]:
    functions = ("keras.utils", "get_file"), ("numpy", "load"), ("tensorflow.io.gfile", "rmtree")
    for place, path in enumerate(_with_activations(clean)):
        changed = clean.stored.copy()
        changed.layer(path)["config"]["activation"] = _function(*functions[place % 3])
        yield Mutant((path,), path=changed.write(clean.target()))


@injects("X004")
def member_twice(clean: Clean) -> Iterator[Mutant]:
    path = clean.stored.write(clean.target())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("metadata.json", clean.stored.others["metadata.json"])
    yield Mutant((), path=path)


@injects("X004")
def member_outside(clean: Clean) -> Iterator[Mutant]:
    path = clean.stored.write(clean.target())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../outside.txt", "x")
    yield Mutant((), path=path)


@injects("X004")
def link_out_of_the_weights(clean: Clean) -> Iterator[Mutant]:
    for name in clean.stored.names()[:5]:
        changed = clean.stored.copy()
        stream = io.BytesIO(changed.weights)
        with h5py.File(stream, "r+") as file:
            del file[name]
            file[name] = h5py.ExternalLink("other.h5", "/secret")
        changed.weights = stream.getvalue()
        yield Mutant((), path=changed.write(clean.target()))
