"""Models that ask for far more than their files are large, and honest ones that are merely large.

Each function returns the text of a configuration; ``keras_file`` puts a `.keras` file around it. Nothing needs Keras.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import h5py

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


def wide(calls: int) -> str:
    """A model with very many inputs and outputs, with masks on all, called by another that has as many."""
    count = calls // 5
    names = [f"input_{number}" for number in range(count)]
    inputs = [start(name, (None, 4)) for name in names]
    shape = (None, 4, 8)
    inner = []
    for number, name in enumerate(names):
        inner.append(layer("Masking", f"masking_{number}", [tensor(name, shape=shape)], mask_value=0.0))
    ends = [f"masking_{number}" for number in range(count)]
    starts = [start(name, shape) for name in names]
    model = functional(starts + inner, ends, name="inner", inputs=[[name, 0, 0] for name in names])
    embeddings = [
        layer("Embedding", f"embedding_{number}", [tensor(name, shape=(None, 4))], input_dim=9, output_dim=8)
        for number, name in enumerate(names)
    ]
    passed = [tensor(f"embedding_{number}", shape=shape) for number in range(count)]
    model["name"], model["inbound_nodes"] = "inner", [{"args": [passed], "kwargs": {}}]
    last = [
        layer("ReLU", f"head_{number}", [tensor("inner", number, shape=shape)], max_value=None)
        for number in range(count)
    ]
    outputs = [f"head_{number}" for number in range(count)]
    whole = functional(
        [*inputs, *embeddings, model, *last],
        outputs,
        inputs=[[name, 0, 0] for name in names],
        compiled=compiled(["mse"] * count),
    )
    return json.dumps(whole)


HONEST = {one.__name__: one for one in (chain, towers, shared, blocks, wide)}


# -- small and greedy -------------------------------------------------------------------------------------------


def far_output(size: int) -> bytes:
    """500 layers of which each receives a far output of the one before."""
    layers: list[dict[str, Any]] = [{"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "0"}}]
    for number in range(500):
        node = [[[str(number), 0, size - 1, {}]]]
        layers.append({"class_name": "L", "config": {}, "name": str(number + 1), "inbound_nodes": node})
    config = {"layers": layers, "input_layers": [["0", 0, 0]], "output_layers": [["500", 0, size - 1]]}
    return keras_file(json.dumps({"class_name": "Functional", "config": config}), deflate=True)


def doublings(size: int) -> bytes:
    """A model that is in another twice, which is in another twice, and so on."""
    inner: dict[str, Any] = {"class_name": "ReLU", "config": {"name": "x"}, "shared_object_id": 0}
    for number in range(size):
        twice = {"class_name": "Sequential", "config": {"layers": [inner, {**inner, "config": {}}]}}
        inner = {**twice, "shared_object_id": number + 1}
    return keras_file(json.dumps(inner, separators=(",", ":")), deflate=True)


def large_shape(size: int) -> bytes:
    """Reshapes of tensors with very many large dimensions."""
    shape = [None, *[2**62] * size]
    layers = [start(shape=[2, *shape[1:]])]
    for number in range(10):
        where = "input" if not number else f"reshape_{number - 1}"
        argument = [tensor(where, shape=[2, *shape[1:]])]
        layers.append(layer("Reshape", f"reshape_{number}", argument, build=False, target_shape=shape[1:]))
        layers.append(layer("Flatten", f"flatten_{number}", argument, build=False))
    return keras_file(json.dumps(functional(layers, ["flatten_9"])))


def many_problems(size: int) -> bytes:
    """Tensors of layers that do not exist."""
    missing = [tensor(f"x{number}", shape=()) for number in range(size)]
    return keras_file(json.dumps(functional([start(), layer("Add", "add", [missing], build=False)], ["add"])))


def many_dangers(size: int) -> bytes:
    """Lambdas, and as many things wrong with the graph."""
    code = {"class_name": "__lambda__", "config": {"code": "", "defaults": None, "closure": None}}
    layers = [start()]
    for number in range(size):
        layers.append(layer("Lambda", f"x_{number}", [tensor(f"y_{number}")], build=False, function=code))
    return keras_file(json.dumps(functional(layers, ["x_0"])))


def repeated_text(size: int) -> tuple[bytes, int]:
    """A deflated text of many words, just below the ratio that is refused, and the checksum of the text."""
    random = Random(0)
    block = b"".join(b"%x\n" % random.getrandbits(64) for _ in range(600)) * 100
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start, packed = packer.flush(zlib.Z_FULL_FLUSH), packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    times = size // len(block)
    return start + packed * times + packer.flush(), times * len(block)


def large_vocabulary(size: int) -> bytes:
    """A lookup layer with a stored vocabulary of so many bytes, packed to a hundredth."""
    layers = [start(), layer("StringLookup", "lookup", [tensor("input")], build=False, vocabulary=None)]
    packed, unpacked = repeated_text(size)
    fields: dict[str, object] = {"size": unpacked}
    vocabulary = Entry("assets/layers/string_lookup/vocabulary.txt", packed, method=8, local=fields, central=fields)
    model = json.dumps(functional(layers, ["lookup"]))
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_group("layers/string_lookup")
    members = [Entry("metadata.json", METADATA), Entry("config.json", model.encode())]
    return archive([*members, vocabulary, Entry("model.weights.h5", weights.getvalue())])


def many_arguments(size: int) -> bytes:
    """A model that adds a tensor to itself so many times, called 1,000 times."""
    inside = [start(), layer("Add", "add", [[tensor("input")] * size], build=False)]
    nodes = [[tensor("input")], *([tensor("inner", node=node)] for node in range(999))]
    inner = functional(inside, ["add"], *nodes, name="inner")
    return keras_file(json.dumps(functional([start(), inner], [["inner", 999, 0]])))


def many_cells(size: int) -> bytes:
    """A layer with so many cells, called as many times."""
    cells = [
        {"module": "keras.layers", "class_name": "GRUCell", "config": {"units": 8, "name": f"c{number}"}}
        for number in range(size)
    ]
    shape = (None, 4, 8)
    nodes = ([tensor("input", shape=shape)] for _ in range(size))
    rnn = layer("StackedRNNCells", "rnn", *nodes, build=False, cells=cells)
    return keras_file(json.dumps(functional([start(shape=shape), rnn], [["rnn", 0, 0]])))


def long_name(size: int) -> bytes:
    """A model with a name of so many characters, called 1,000 times."""
    inside = [start(), layer("ReLU", "relu", [tensor("input")])]
    name = "n" * size
    nodes = [[tensor("input")]] * 1_000
    inner = functional(inside, ["relu"], *nodes, name=name)
    return keras_file(json.dumps(functional([start(), inner], [[name, 0, 0]])), deflate=True)


def same_names(size: int) -> bytes:
    """Layers of one name."""
    return keras_file(json.dumps(functional([start(), *[layer("ReLU", "x", [tensor("input")])] * size], ["x"])))


def losses_for_nothing(size: int) -> bytes:
    """Losses for so many outputs that the model does not have, and for 2,000 that it has."""
    layers = [start(), *(dense(f"head_{number}", [tensor("input")]) for number in range(2_000))]
    loss = {f"x_{number}": "mse" for number in range(size)} | {f"head_{number}": "nope" for number in range(2_000)}
    ends = [f"head_{number}" for number in range(2_000)]
    return keras_file(json.dumps(functional(layers, ends, compiled=compiled(loss))))


def wrong_losses(size: int) -> bytes:
    """Outputs each of which has a loss that takes something else, in a dictionary of losses."""
    names = [f"head_{number}" for number in range(size)]
    layers = [start(), *(dense(name, [tensor("input")]) for name in names)]
    loss = dict.fromkeys(names, "categorical_crossentropy")
    return keras_file(json.dumps(functional(layers, names, compiled=compiled(loss))))


def tapped_chain(size: int) -> bytes:
    """A chain of Dropouts after a softmax, each of which is an output with a loss."""
    layers = [start(), dense("d", [tensor("input")], activation="softmax")]
    names = ["d", *(f"x_{number}" for number in range(size))]
    for name, before in zip(names[1:], names, strict=False):
        layers.append(layer("Dropout", name, [tensor(before)], build=False, rate=0.5, seed=None, noise_shape=None))
    loss = dict.fromkeys(names, "mse")
    return keras_file(json.dumps(functional(layers, names, compiled=compiled(loss))))


def diamonds(size: int) -> bytes:
    """A softmax over one value, then Adds of a tensor to itself, then a product: paths double with each of them."""
    layers = [start(), dense("x", [tensor("input")], units=1, activation="softmax")]
    before = "x"
    for number in range(size):
        both = [tensor(before, shape=(None, 1))] * 2
        layers.append(layer("Add" if number % 2 else "Average", f"x_{number}", [both], build=False))
        layers.append(layer("Dropout", f"y_{number}", [both], build=False, rate=0.5))
        before = f"y_{number}" if number % 3 else f"x_{number}"
    last = [tensor(before, shape=(None, 1)), tensor("input")]
    layers.append(layer("Multiply", "product", [last], build=False))
    return keras_file(json.dumps(functional(layers, ["product"])))


def many_keys(size: int) -> bytes:
    """A layer with so many arguments that it does not take."""
    config = {f"k{number}": number for number in range(size)}
    layers = [start(), layer("Dense", "dense", [tensor("input")], units=8, **config)]
    return keras_file(json.dumps(functional(layers, ["dense"])))


def many_groups(size: int) -> bytes:
    """Weights with very many empty groups, each with attributes."""
    content = io.BytesIO()
    with h5py.File(content, "w", libver="latest") as file:
        for number in range(size):
            file.create_group(f"layers/g{number}").attrs["name"] = "x" * 50
    model = Entry("config.json", json.dumps(functional([start()], ["input"])).encode())
    return archive([model, Entry("metadata.json", METADATA), Entry("model.weights.h5", content.getvalue())])


def many_members(size: int) -> bytes:
    """An archive of so many members beside the model."""
    model = Entry("config.json", json.dumps(functional([start()], ["input"])).encode())
    rest = [Entry(f"assets/{number}.txt", b"x") for number in range(size)]
    return archive([model, Entry("metadata.json", METADATA), *rest])


def brackets(size: int) -> bytes:
    """Empty lists."""
    return keras_file('{"class_name": "Functional", "config": {"x": [' + "[]," * size + "0]}}")


def long_messages(size: int) -> bytes:
    """200 layers that receive a shape of so many dimensions, which they cannot take."""
    shape = [None, *range(1, size)]
    layers = [start(shape=shape)]
    layers += [
        layer("Conv2D", f"c{number}", [tensor("input", shape=shape)], filters=1, kernel_size=3) for number in range(200)
    ]
    return keras_file(json.dumps(functional(layers, ["c0"])))


HOSTILE: dict[str, tuple[Callable[[int], bytes], int, str | None]] = {
    "far_output": (far_output, 100_000, "graph-tensors"),
    "doublings_18": (doublings, 18, "graph-calls"),
    "doublings_60": (doublings, 60, "graph-calls"),
    "large_shape": (large_shape, 100_000, None),
    "many_problems": (many_problems, 100_000, "findings"),
    "many_dangers": (many_dangers, 20_000, "findings"),
    "large_vocabulary": (large_vocabulary, 350 << 20, "vocabulary-bytes"),
    "many_arguments": (many_arguments, 10_000, "graph-tensors"),
    "many_cells": (many_cells, 500, None),
    "long_name": (long_name, 100_000, "graph-characters"),
    "same_names": (same_names, 20_000, "findings"),
    "losses_for_nothing": (losses_for_nothing, 20_000, "findings"),
    "wrong_losses": (wrong_losses, 5_000, None),
    "tapped_chain": (tapped_chain, 5_000, None),
    "diamonds": (diamonds, 500, None),
    "many_keys": (many_keys, 300_000, None),
    "many_groups": (many_groups, 20_000, None),
    "many_members": (many_members, 9_990, None),
    "brackets": (brackets, 6_000_000, "json-nodes"),
    "long_messages": (long_messages, 20_000, None),
}
"""Name -> what makes the file, its size, and the limit that it exceeds; None for one that is within all limits."""
