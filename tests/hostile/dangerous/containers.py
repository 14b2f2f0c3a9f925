"""Archives and folders that show two readers two models, or write outside of their folder."""

from __future__ import annotations

import json
import stat
import zlib
from collections.abc import Iterator

from tests.hostile.dangerous.case import ALL, Case, function, instance, new_lambda, with_layer
from tests.hostile.files import METADATA, h5_model, keras_archive, model, weights
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
    for name, (config, extra, codes, endangers) in _FOLDERS.items():
        yield Case(
            name,
            lambda canary, config=config, extra=extra: {
                "config.json": json.dumps(config(canary)).encode(),
                "metadata.json": METADATA,
                "model.weights.h5": weights(),
                **{file: json.dumps(held(canary)).encode() for file, held in extra.items()},
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


def _evil(canary: str) -> dict[str, object]:
    return with_layer("Lambda", {"function": new_lambda(canary)})


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
