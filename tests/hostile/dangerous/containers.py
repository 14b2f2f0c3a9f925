"""Archives and folders that show two readers two models, or write outside of their folder."""

from __future__ import annotations

import json
import stat
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from tests.hostile.dangerous.case import ALL, Case, function, instance, new_lambda, with_layer
from tests.hostile.dangerous.stored import object_array, pickled
from tests.hostile.files import (
    METADATA,
    dense,
    functional,
    h5_model,
    input_layer,
    keras_archive,
    model,
    tensor,
    weights,
)
from tests.sources.archives import Entry, archive


def cases() -> Iterator[Case]:
    """Zip tricks, two formats in one file, and unpacked models."""
    for name, entry in _MEMBERS.items():
        yield Case(f"a member {name}", lambda _, entry=entry: {"m.keras": keras_archive(extra=[entry])}, _TRICK, ALL)
    yield Case(
        "a configuration under two names",
        lambda canary: {"m.keras": keras_archive(extra=[Entry("config.json", json.dumps(_evil(canary)).encode())])},
        frozenset({"X001"}),
        ALL,
        payload=True,
    )
    yield Case(
        "an archive after another",
        lambda canary: {"m.keras": keras_archive() + keras_archive(_evil(canary))},
        frozenset({"X001"}),
        ALL,
        payload=True,
    )
    yield Case(
        "a member with two local names",
        lambda _: {"m.keras": keras_archive(extra=[Entry("x", b"{}", local={"name": b"y"})])},
        frozenset(),
        ALL,
    )
    yield Case("HDF5 inside an archive, where its library looks", lambda canary: {"m.keras": _polyglot(canary)}, _TRICK)
    yield Case("a zip archive after HDF5", lambda canary: {"m.h5": h5_model() + keras_archive(_evil(canary))}, _TRICK)
    yield Case(
        "a duplicate key",
        lambda canary: {
            "m.keras": keras_archive(
                json.dumps(model()).encode()[:-1] + b', "class_name": "Functional", "config": '
                + json.dumps(_evil(canary)["config"]).encode() + b"}"
            )
        },
        frozenset({"X001"}),
        ALL,
        payload=True,
    )  # fmt: skip
    yield Case(
        "a YAML document that creates Python objects",
        lambda canary: {"m.json": f"!!python/object/apply:os.system ['{canary}']".encode()},
        frozenset(),
    )
    yield Case(
        "the weights of TensorFlow.js from elsewhere",
        lambda canary: {
            "model.json": json.dumps(
                {"modelTopology": {"model_config": model()}, "weightsManifest": [{"paths": [canary], "weights": []}]}
            ).encode()
        },
        frozenset({"X003"}),
    )
    for name, (entry, codes) in _BESIDE.items():
        yield Case(
            f"{name} beside the model",
            lambda canary, entry=entry: {"m.keras": keras_archive(extra=[entry(canary)])},
            frozenset({codes}),
        )
        yield Case(
            f"{name} in an archive beside the model",
            lambda canary, entry=entry: {"m.keras": keras_archive(extra=[Entry("a.zip", archive([entry(canary)]))])},
            frozenset({codes}),
        )
    for encoding in ("utf-8-sig", "utf-16", "utf-16-be", "utf-32-le"):
        for ending, build in ((".json", bytes), (".keras", keras_archive)):
            yield Case(
                f"code in {encoding} in {ending}",
                lambda canary, encoding=encoding, ending=ending, build=build: {
                    f"m{ending}": build(json.dumps(_evil(canary)).encode(encoding))
                },
                frozenset({"X001"}),
            )
    yield Case(
        "a layer of code among layers that are alike",
        lambda canary: {"m.keras": keras_archive(_alike(lambda entry: entry["config"].update(x=new_lambda(canary))))},
        frozenset({"X001"}),
    )
    yield Case(
        "a layer that names another folder among layers that are alike",
        lambda _: {"m.keras": keras_archive(_alike(lambda entry: entry["config"].update(name="../../d7")))},
        frozenset({"X003", "X004"}),
    )
    yield Case(
        "a foreign name beside the configuration among layers that are alike",
        lambda _: {"m.keras": keras_archive(_alike(lambda entry: entry.update(more=function("os", "system"))))},
        frozenset({"X002"}),
    )
    for name, (config, extra, codes, endangers) in _FOLDERS.items():
        yield Case(
            name,
            lambda canary, config=config, extra=extra: {
                "config.json": json.dumps(config(canary)).encode(),
                "metadata.json": METADATA,
                "model.weights.h5": weights(),
                **{file: _written(held(canary)) for file, held in extra.items()},
            },
            frozenset({codes}),
            endangers,
            folder=True,
            payload=codes == "X001" and bool(endangers),
        )


_TRICK = frozenset({"X004"})
_MEMBERS = {
    "that climbs out": Entry("../outside.txt", b"x"),
    "with an absolute path": Entry("/tmp/graphlint_outside.txt", b"x"),
    "on a drive": Entry("C:\\outside.txt", b"x"),
    "that is a link": Entry("link", b"/etc/passwd", attributes=(stat.S_IFLNK | 0o777) << 16),
    "in another case": Entry("Config.json", b"{}"),
    "with a backslash": Entry("assets\\..\\x", b"x"),
    "with a second name": Entry(
        "x", b"x", extra=b"\x75\x70" + (5 + 11).to_bytes(2, "little") + b"\x01" + zlib.crc32(b"x").to_bytes(4, "little")
        + b"config.json"
    ),
}  # fmt: skip


def _alike(change: Callable[[Any], None]) -> Any:
    """A model of equal layers, the seventh of which is changed."""
    layers = [dense(f"d{number}", tensor("in")) for number in range(9)]
    change(layers[7])
    return functional([input_layer(), *layers], outputs=[["d8", 0, 0]])


_BESIDE: dict[str, tuple[Callable[[str], Entry], str]] = {
    "a pickle": (lambda canary: Entry("assets/x.bin", pickled(canary)), "X003"),
    "a pickle of protocol 0": (lambda canary: Entry("assets/x.pkl", pickled(canary, 0)), "X003"),
    "an array of objects": (lambda canary: Entry("assets/x.npy", object_array(canary)), "X003"),
    "another model": (lambda canary: Entry("m.keras", keras_archive(_evil(canary))), "X001"),
    "a model in HDF5": (lambda canary: Entry("m.h5", h5_model(_evil(canary))), "X001"),
    "code in JSON": (lambda canary: Entry("assets/tokenizer.json", json.dumps(_evil(canary)).encode()), "X001"),
    "a program": (lambda _: Entry("sitecustomize.py", b"import os"), "X004"),
}


def _evil(canary: str) -> dict[str, object]:
    return with_layer("Lambda", {"function": new_lambda(canary)})


def _written(held: Any) -> bytes:
    return held if isinstance(held, bytes) else json.dumps(held).encode()


def _polyglot(canary: str) -> bytes:
    """A zip archive with a whole HDF5 model in a member that begins at byte 512."""
    content = h5_model(_evil(canary))
    first = Entry("metadata.json", METADATA)
    used = len(archive([first], count=0)) - 22 - (46 + len("metadata.json"))
    padding = Entry("p", bytes(512 - used - (30 + 1) - (30 + 1)))
    rest = [Entry("config.json", json.dumps(model()).encode()), Entry("model.weights.h5", weights())]
    made = archive([first, padding, Entry("x", content), *rest])
    assert made[512:516] == b"\x89HDF"
    return made


_FOLDERS = {
    "a folder with code": (_evil, {}, "X001", ("3.8", "3.15")),
    "a folder with a foreign name": (
        lambda _: with_layer("Activation", {"activation": function("os", "system")}), {}, "X002", ("3.8",)
    ),
    "a folder with a gadget": (
        lambda _: with_layer("Activation", {"activation": function("keras.utils", "get_file")}), {}, "X003", ("3.8",)
    ),
    "a folder with a pickle": (lambda _: model(), {"assets/x.pkl": pickled}, "X003", ()),
    "a folder with another model": (lambda _: model(), {"n.keras": lambda c: keras_archive(_evil(c))}, "X001", ()),
    "a preset with code in its preprocessor": (lambda _: model(), {"preprocessor.json": _evil}, "X001", ()),
    "a preset with a foreign name in its tokenizer": (
        lambda _: model(), {"tokenizer.json": lambda _: instance("subprocess", "Popen")}, "X002", ()
    ),
    "a preset with a path in its tokenizer": (
        lambda _: model(),
        {"tokenizer.json": lambda path: instance("keras_hub.src.tokenizers", "T", {"vocabulary": path}, "keras_hub>T")},
        "X003",
        (),
    ),
}  # fmt: skip
