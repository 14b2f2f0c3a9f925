"""What a dangerous case is, and the parts of which configurations are made."""

from __future__ import annotations

import base64
import json
import marshal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hostile.files import functional, h5_model, input_layer, keras_archive, layer, tensor

RELEASES = ("2.15", "3.0", "3.3", "3.8", "3.15")
"""The releases that payloads are tried in."""
KERAS_2, BEFORE_3_9 = RELEASES[:1], RELEASES[:4]
KERAS_3_BEFORE_3_9 = RELEASES[1:4]
ALL = RELEASES


@dataclass(frozen=True)
class Case:
    """One dangerous model: its files by relative name, the first of which, or the folder itself, is what one loads.

    ``files`` takes the path of the canary. ``codes`` are the findings of which one at least must be there; none means
    that the file must be refused. ``endangers`` are those of `RELEASES` that load it or its kind and are harmed.
    """

    name: str
    files: Callable[[str], dict[str, bytes]]
    codes: frozenset[str]
    endangers: tuple[str, ...] = ()
    advisory: str | None = None
    folder: bool = False
    reads: bool = False
    """The payload reads the canary, and does not create it."""
    kind: str = ""
    payload: bool = False
    """There is a payload to be tried; others show that a name alone is found, as what it does depends on the caller."""

    def write(self, folder: Path, canary: Path) -> Path:
        """Write the files below ``folder``; returns the path to load."""
        made = self.files(str(canary))
        for name, content in made.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder if self.folder else folder / next(iter(made))


def containers(config: Any) -> dict[str, bytes]:
    """A configuration in each container that Keras loads a whole model from, by file ending."""
    return {".keras": keras_archive(config), ".h5": h5_model(config), ".json": json.dumps(config).encode()}


def in_containers(
    name: str,
    build: Callable[[str], Any],
    codes: str,
    endangers: tuple[str, ...],
    advisory: str | None = None,
    endings: tuple[str, ...] = (".keras", ".h5", ".json"),
    **options: Any,
) -> list[Case]:
    """One case for each container of a configuration."""

    def files(ending: str) -> Callable[[str], dict[str, bytes]]:
        return lambda canary: {f"model{ending}": containers(build(canary))[ending]}

    return [
        Case(f"{name} in {ending}", files(ending), frozenset(codes.split()), endangers, advisory, **options)
        for ending in endings
    ]


def function(module: str | None, name: str, **fields: Any) -> dict[str, Any]:
    """An entry that names a function."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": name} | fields


def instance(module: str | None, name: str, config: Any = None, registered: str | None = None) -> dict[str, Any]:
    """An entry that names a class."""
    return {"module": module, "class_name": name, "config": config or {}, "registered_name": registered or name}


def with_layer(class_name: str, config: dict[str, Any], shape: list[int | None] | None = None, **other: Any) -> Any:
    """A model of one layer over an Input."""
    return functional([input_layer(shape=shape), layer(class_name, "x", config, [tensor("in", shape=shape)], **other)])


def called(entry: Any, argument: Any, **arguments: Any) -> Any:
    """A model with a Lambda layer of a function that loading calls with arguments of the file's choice."""
    one = layer("Lambda", "x", {"function": entry, "arguments": arguments}) | {
        "inbound_nodes": [{"args": [], "kwargs": {"inputs": argument}}]
    }
    return functional([input_layer(), one], outputs=[["in", 0, 0]])


def called_in_keras_2(entry: Any, argument: Any, **arguments: Any) -> Any:
    """The same as Keras 2 writes it, where loading calls a layer on what is no tensor just as well."""
    config = {"function": entry, "function_type": "function", "module": "builtins", "arguments": arguments}
    model = legacy("Lambda", _NO_SHAPE | config)
    model["config"]["layers"][1]["inbound_nodes"] = [["_CONSTANT_VALUE", -1, argument, {}]]
    model["config"]["output_layers"] = [["in", 0, 0]]
    for one in model["config"]["layers"]:
        one |= {"module": "keras.layers", "registered_name": None}
    return model | {"module": "keras.src.engine.functional", "registered_name": "Functional"}


def code(canary: str) -> str:
    """Marshalled code of a function that creates the canary and returns its argument, as Keras encodes it."""
    names: dict[str, Any] = {}
    exec(f"payload = lambda x: [open({canary!r}, 'w').close(), x][1]", names)
    return base64.b64encode(marshal.dumps(names["payload"].__code__)).decode()


def new_lambda(canary: str) -> dict[str, Any]:
    """Code as Keras 3 writes it: by its parts in Lambda layers, as one value elsewhere."""
    text = code(canary)
    config = {"code": text, "defaults": None, "closure": None, "value": [text, None, None]}
    return {"class_name": "__lambda__", "config": config}


def old_lambda(canary: str, key: str = "function", **config: Any) -> dict[str, Any]:
    """The configuration of a Lambda layer as Keras 1 and 2 write it."""
    held = {key: [code(canary), None, None], f"{key}_type": "lambda"}
    return _NO_SHAPE | {"module": "__main__", "arguments": {}} | held | config


_NO_SHAPE = {"output_shape": None, "output_shape_type": "raw", "output_shape_module": None}


def legacy(class_name: str, config: dict[str, Any]) -> Any:
    """A model of one layer over an Input as Keras 2 writes it."""
    name = {"name": "x"}
    return {
        "class_name": "Functional",
        "config": {
            "name": "m",
            "layers": [
                {
                    "class_name": "InputLayer",
                    "name": "in",
                    "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "in"},
                    "inbound_nodes": [],
                },
                {
                    "class_name": class_name,
                    "config": name | {"trainable": True, "dtype": "float32"} | config,
                    "inbound_nodes": [[["in", 0, 0, {}]]],
                }
                | name,
            ],
            "input_layers": [["in", 0, 0]],
            "output_layers": [["x", 0, 0]],
        },
    }
