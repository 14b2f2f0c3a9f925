"""Serialized Python code wherever a configuration can hold it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.hostile.dangerous.case import (
    ALL,
    KERAS_2,
    Case,
    in_containers,
    legacy,
    new_lambda,
    old_lambda,
    with_layer,
)
from tests.hostile.files import dense, functional, h5_model, input_layer, keras_archive, layer, model, tensor

_UNSAFE = "CVE-2024-3660"
_H5 = "CVE-2025-9905"


def cases() -> Iterator[Case]:
    """Lambda layers of every dialect, and code in arguments, losses, wrappers and calls."""
    for name, build in _PLACES.items():
        yield from in_containers(f"code as {name}", build, "X001", ALL, _UNSAFE, payload=True)
    for name, (class_name, key, extra) in _OLD.items():
        yield from in_containers(
            f"code as {name}",
            lambda canary, class_name=class_name, key=key, extra=extra: legacy(
                class_name, old_lambda(canary, key, **extra)
            ),
            "X001",
            ALL if class_name == "Lambda" and key == "function" else KERAS_2,
            _UNSAFE,
            (".h5", ".json"),
            payload=True,
        )
    yield from in_containers("code in a model in a model", _nested, "X001", ALL, _UNSAFE, payload=True)
    yield Case(
        "code in UTF-16",
        lambda canary: {"model.keras": keras_archive(json.dumps(_lambda(canary)).encode("utf-16"))},
        frozenset({"X001"}),
        ALL,
        _UNSAFE,
        payload=True,
    )
    yield Case(
        "code in the training configuration",
        lambda canary: {
            "model.h5": h5_model(
                build=lambda file: file.attrs.__setitem__(
                    "training_config", json.dumps({"loss": new_lambda(canary), "optimizer_config": _ADAM})
                )
            )
        },
        frozenset({"X001"}),
        ALL,
        _H5,
        payload=True,
    )
    yield Case(
        "code in a compile configuration that another hides",
        lambda canary: {
            "model.h5": h5_model(
                model() | {"compile_config": {"loss": new_lambda(canary)}},
                lambda file: file.attrs.__setitem__(
                    "training_config", json.dumps({"loss": "mse", "optimizer_config": _ADAM})
                ),
            )
        },
        frozenset({"X001"}),
        ALL,
        payload=True,
    )
    for name, document in _ROOTS.items():
        yield Case(
            f"code in {name}",
            lambda canary, document=document: {"model.json": json.dumps(document(_lambda(canary))).encode()},
            frozenset({"X001"}),
            ALL,
            payload=True,
        )


_ADAM = {"class_name": "Adam", "config": {}}
_PLAIN = {"loss": "mse", "optimizer_config": _ADAM}


def _lambda(canary: str) -> Any:
    return with_layer("Lambda", {"function": new_lambda(canary)})


def _nested(canary: str) -> Any:
    inner = _lambda(canary)
    inner["config"]["name"] = "inner"
    once = inner | {"name": "inner", "inbound_nodes": [{"args": [tensor("in")], "kwargs": {}}]}
    return functional([input_layer(), once], outputs=[["inner", 0, 0]])


def _dense(key: str) -> Any:
    return lambda canary: functional([input_layer(), dense("x", tensor("in"), **{key: new_lambda(canary)})])


def _compiled(**places: Any) -> Any:
    def build(canary: str) -> Any:
        held = json.loads(json.dumps(places).replace('"@"', json.dumps(new_lambda(canary))))
        return model() | {"compile_config": {"optimizer": "adam", "loss": "mse"} | held}

    return build


_PLACES = {
    "a Lambda layer": _lambda,
    "an activation": _dense("activation"),
    "an initializer": _dense("kernel_initializer"),
    "a regularizer": _dense("bias_regularizer"),
    "a constraint": _dense("kernel_constraint"),
    "a loss": _compiled(loss="@"),
    "a loss by name": _compiled(loss={"d": "@"}),
    "a metric": _compiled(metrics=[["@"]]),
    "a weighted metric": _compiled(weighted_metrics=["@"]),
    "a learning rate": _compiled(
        optimizer={"module": "keras.optimizers", "class_name": "Adam", "config": {"learning_rate": "@"}}
    ),
    "an output shape": lambda canary: with_layer(
        "Lambda", {"function": {"module": "keras.ops", "class_name": "function", "config": "relu"},
                   "output_shape": new_lambda(canary)}
    ),
    "a mask": lambda canary: with_layer(
        "Lambda", {"function": {"module": "keras.ops", "class_name": "function", "config": "relu"},
                   "mask": new_lambda(canary)}
    ),
    "an argument of a call": lambda canary: functional(
        [input_layer(), dense("x", tensor("in")) | {
            "inbound_nodes": [{"args": [tensor("in")], "kwargs": {"mask": new_lambda(canary)}}]}]
    ),
    "what builds a layer": lambda canary: functional(
        [input_layer(), dense("x", tensor("in")) | {
            "build_config": {"input_shape": [None, 4], "f": new_lambda(canary)}}]
    ),
    "a wrapped layer": lambda canary: with_layer(
        "TimeDistributed", {"layer": layer("Lambda", "l", {"function": new_lambda(canary)})}, [None, 4, 4]
    ),
    "the activation of a cell": lambda canary: with_layer(
        "RNN", {"cell": layer("LSTMCell", "c", {"units": 4, "activation": new_lambda(canary)})}, [None, 4, 4]
    ),
    "a layer that is never called": lambda canary: functional(
        [input_layer(), dense("d", tensor("in")), layer("Lambda", "l", {"function": new_lambda(canary)})],
        outputs=[["d", 0, 0]],
    ),
    "a layer with the id of another": lambda canary: functional(
        [
            input_layer(),
            dense("d", tensor("in")) | {"shared_object_id": 3},
            layer("Lambda", "l", {"function": new_lambda(canary)}, shared_object_id=3),
        ],
        outputs=[["d", 0, 0]],
    ),
}  # fmt: skip

_OLD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a Lambda layer of Keras 2": ("Lambda", "function", {}),
    "a Lambda layer with its module": ("keras.layers.Lambda", "function", {}),
    "a registered Lambda layer": ("Package>Lambda", "function", {}),
    "an output shape of Keras 2": ("Lambda", "output_shape", {"function": "relu", "function_type": "function"}),
    "a mask of Keras 2": ("Lambda", "mask", {"function": "relu", "function_type": "function"}),
    "the mode of a Merge layer": ("Merge", "mode", {}),
    "the output mask of a Merge layer": ("Merge", "output_mask", {"mode": "sum", "mode_type": "raw"}),
    "the output shape of a Merge layer": ("Merge", "output_shape", {"mode": "sum", "mode_type": "raw"}),
}
_ROOTS = {
    "a root beside a benign model_config": lambda evil: evil | {"model_config": model()},
    "a model_config beside a benign root": lambda evil: model() | {"model_config": evil},
    "a root beside a benign modelTopology": lambda evil: evil | {"modelTopology": {"model_config": model()}},
    "a modelTopology beside a benign root": lambda evil: model() | {"modelTopology": evil},
    "a training_config beside the model": lambda evil: {"model_config": model(), "training_config": {"loss": evil}},
}
