"""Models that ask for far more than their files are large, and honest ones that are merely large.

Each function returns the text of a configuration; ``keras_file`` puts a `.keras` file around it. Nothing needs Keras.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.sources.archives import Entry, archive

DTYPE = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}
METADATA = b'{"keras_version": "3.15.0", "date_saved": "2026-01-01@00:00:00"}'


def keras_file(config: str | bytes, *, deflate: bool = False, **members: bytes) -> bytes:
    """A `.keras` file without weights. ``members`` are others, by their names with ``__`` for a slash."""
    text = config.encode() if isinstance(config, str) else config
    entries = [Entry("metadata.json", METADATA), Entry("config.json", text, deflate=deflate)]
    entries += [Entry(name.replace("__", "/"), data, deflate=deflate) for name, data in members.items()]
    return archive(entries)


def tensor(source: str, output: int = 0, node: int = 0, shape: Any = (None, 8)) -> dict[str, Any]:
    """An argument that is a tensor, as Keras 3 writes it."""
    config = {"shape": list(shape), "dtype": "float32", "keras_history": [source, node, output]}
    return {"class_name": "__keras_tensor__", "config": config}


def layer(class_name: str, name: str, *nodes: Iterable[Any], build: bool = True, **config: Any) -> dict[str, Any]:
    """A layer with one call per element of ``nodes``, which are the positional arguments."""
    settings = {"name": name, "trainable": True, "dtype": DTYPE, **config}
    entry = {"module": "keras.layers", "class_name": class_name, "config": settings, "registered_name": None}
    if build:
        entry["build_config"] = {"input_shape": [None, 8]}
    calls = [{"args": list(arguments), "kwargs": {}} for arguments in nodes]
    return {**entry, "name": name, "inbound_nodes": calls}


def start(name: str = "input", shape: Any = (None, 8)) -> dict[str, Any]:
    """An Input."""
    config = {"batch_shape": list(shape), "dtype": "float32", "sparse": False, "ragged": False, "name": name}
    entry = {"module": "keras.layers", "class_name": "InputLayer", "config": config, "registered_name": None}
    return {**entry, "name": name, "inbound_nodes": []}


def functional(
    layers: list[dict[str, Any]],
    outputs: list[Any],
    *nodes: Iterable[Any],
    name: str = "model",
    inputs: Any = None,
    compiled: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A Functional model. ``outputs`` are names of layers or ``[layer, node, output]``."""
    ends = [[end, 0, 0] if isinstance(end, str) else end for end in outputs]
    config = {"name": name, "trainable": True, "layers": layers, "input_layers": inputs or [["input", 0, 0]]}
    entry = {
        "module": "keras",
        "class_name": "Functional",
        "config": {**config, "output_layers": ends},
        "registered_name": "Functional",
    }
    if nodes:
        entry["name"] = name
        entry["inbound_nodes"] = [{"args": list(arguments), "kwargs": {}} for arguments in nodes]
    if compiled is not None:
        entry["compile_config"] = compiled
    return entry


def initializer(name: str, **config: Any) -> dict[str, Any]:
    """An initializer."""
    return {"module": "keras.initializers", "class_name": name, "config": config, "registered_name": None}


def dense(name: str, *nodes: Iterable[Any], units: Any = 8, activation: str = "linear") -> dict[str, Any]:
    """A Dense with every argument, as Keras writes it."""
    return layer(
        "Dense",
        name,
        *nodes,
        units=units,
        activation=activation,
        use_bias=True,
        kernel_initializer=initializer("GlorotUniform", seed=None),
        bias_initializer=initializer("Zeros"),
        kernel_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
    )


def norm(name: str, *nodes: Iterable[Any]) -> dict[str, Any]:
    """A BatchNormalization with every argument, as Keras writes it."""
    return layer(
        "BatchNormalization",
        name,
        *nodes,
        axis=-1,
        momentum=0.99,
        epsilon=0.001,
        center=True,
        scale=True,
        beta_initializer=initializer("Zeros"),
        gamma_initializer=initializer("Ones"),
        moving_mean_initializer=initializer("Zeros"),
        moving_variance_initializer=initializer("Ones"),
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        synchronized=False,
    )


ADAM = {
    "module": "keras.optimizers",
    "class_name": "Adam",
    "config": {"name": "adam", "learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-07},
    "registered_name": None,
}


def compiled(loss: Any = "mse") -> dict[str, Any]:
    """What ``model.compile`` leaves in a file."""
    return {"optimizer": ADAM, "loss": loss, "loss_weights": None, "metrics": None, "weighted_metrics": None}


# -- large and honest -------------------------------------------------------------------------------------------


def chain(calls: int) -> str:
    """Residual blocks one after the other, every layer its own."""
    layers = [start()]
    x = "input"
    for number in range(calls // 5):
        names = [f"{kind}_{number}" for kind in ("dense", "norm", "relu", "dropout", "add")]
        layers += [
            dense(names[0], [tensor(x)]),
            norm(names[1], [tensor(names[0])]),
            layer("ReLU", names[2], [tensor(names[1])], max_value=None, negative_slope=0.0, threshold=0.0),
            layer("Dropout", names[3], [tensor(names[2])], rate=0.1, seed=None, noise_shape=None),
            layer("Add", names[4], [[tensor(x), tensor(names[3])]]),
        ]
        x = names[4]
    return json.dumps(functional(layers, [x], compiled=compiled()))


def towers(calls: int) -> str:
    """Very many branches from one input, each an output with a loss of its own."""
    layers, ends = [start()], []
    for number in range(calls // 4):
        layers += [
            dense(f"dense_{number}", [tensor("input")], activation="relu"),
            layer("Dropout", f"dropout_{number}", [tensor(f"dense_{number}")], rate=0.1, seed=None, noise_shape=None),
            dense(f"hidden_{number}", [tensor(f"dropout_{number}")], activation="relu"),
            dense(f"head_{number}", [tensor(f"hidden_{number}")], activation="softmax"),
        ]
        ends.append(f"head_{number}")
    loss = dict.fromkeys(ends, "categorical_crossentropy")
    return json.dumps(functional(layers, ends, compiled=compiled(loss)))


def shared(calls: int) -> str:
    """One Dense called on very many inputs, all of which are averaged."""
    inputs = [f"input_{number}" for number in range(calls // 2)]
    one = dense("dense", *([tensor(name)] for name in inputs), activation="relu")
    merge = layer("Maximum", "maximum", [[tensor("dense", node=node) for node in range(len(inputs))]])
    model = functional(
        [*map(start, inputs), one, merge], ["maximum"], inputs=[[name, 0, 0] for name in inputs], compiled=compiled()
    )
    return json.dumps(model)


def blocks(calls: int) -> str:
    """A model of 1,000 calls that another calls again and again."""
    size = 1_000
    inner = json.loads(chain(size))
    inner.pop("compile_config")
    times = calls // size
    nodes = [[tensor("input")], *([tensor("block", node=node)] for node in range(times - 1))]
    inner["config"]["name"] = inner["name"] = "block"
    inner["inbound_nodes"] = [{"args": arguments, "kwargs": {}} for arguments in nodes]
    return json.dumps(functional([start(), inner], [["block", times - 1, 0]], compiled=compiled()))


HONEST = {one.__name__: one for one in (chain, towers, shared, blocks)}
