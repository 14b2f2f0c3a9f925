"""Pickles, and what HDF5 files hold beside plain arrays."""

from __future__ import annotations

import base64
import io
import json
import pickle
import struct
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

from tests.hostile.dangerous.case import ALL, BEFORE_3_9, Case, in_containers, new_lambda, with_layer
from tests.hostile.files import METADATA, h5_model, keras_archive, model, weights
from tests.sources.archives import Entry, archive

_EXTERNAL = "CVE-2026-1669"


class _Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


def pickled(canary: str, protocol: int = 4) -> bytes:
    """A pickle that creates the canary."""
    return pickle.dumps(_Payload(canary), protocol)


def object_array(canary: str) -> bytes:
    content = io.BytesIO()
    np.save(content, np.array([_Payload(canary)], dtype=object), allow_pickle=True)
    return content.getvalue()


def _arrays(canary: str) -> bytes:
    names = ("layers/dense/vars", "__root__", "layers/d")
    return archive([Entry(f"{name}.npy", object_array(canary)) for name in names])


def _hidden_name(canary: str) -> bytes:
    """A pickle whose names are texts that it keeps and gets again, as no search for a module and a name finds them."""
    path = canary.encode()
    texts = b"".join(b"\x8c" + bytes([len(text)]) + text + b"\x94" for text in (b"io", b"open"))
    called = b"h\x00h\x01\x93" + b"X" + struct.pack("<I", len(path)) + path + b"\x8c\x01w\x86R."
    return b"\x80\x04" + texts + b"00" + called


def _npz_archive(content: bytes) -> bytes:
    return archive(
        [
            Entry("metadata.json", METADATA),
            Entry("config.json", json.dumps(model()).encode()),
            Entry("model.weights.npz", content),
        ]
    )


def _bomb(_: str) -> bytes:
    """An array whose header declares a terabyte."""
    content = io.BytesIO()
    np.save(content, np.zeros(8, "f4"))
    return archive([Entry("x.npy", content.getvalue().replace(b"(8,), }" + b" " * 11, b"(250000000000,), }"))])


_NPZ: dict[str, Callable[[str], bytes]] = {
    "arrays of objects": _arrays,
    "one array of objects": object_array,
    "a pickle": pickled,
    "a pickle of protocol 0": lambda canary: pickled(canary, 0),
    "a pickle of protocol 2": lambda canary: pickled(canary, 2),
    "a pickle with hidden names": _hidden_name,
}


def cases() -> Iterator[Case]:
    """Pickled weights, bare pickles, and links, external data, doubled and shared attributes in HDF5."""
    for name, build in _NPZ.items():
        yield Case(
            f"{name} as the weights",
            lambda canary, build=build: {"model.keras": _npz_archive(build(canary))},
            frozenset({"X003"}),
            BEFORE_3_9,
            payload=True,
        )
        yield Case(
            f"{name} as the weights in a folder",
            lambda canary, build=build: {
                "config.json": json.dumps(model()).encode(),
                "metadata.json": METADATA,
                "model.weights.npz": build(canary),
            },
            frozenset({"X003"}),
            ("3.8",),
            folder=True,
            payload=True,
        )
    yield Case(
        "an array that declares far more than it stores as the weights",
        lambda canary: {"model.keras": _npz_archive(_bomb(canary))},
        frozenset({"X004"}),
        BEFORE_3_9,
        "CVE-2026-0897",
    )
    for ending in (".keras", ".h5", ".pkl", ".npy", ".json"):
        yield Case(
            f"a bare pickle named {ending}",
            lambda canary, ending=ending: {f"model{ending}": pickled(canary)},
            frozenset({"X003"}),
        )
    for protocol in (2, 3, 4, 5):
        yield from in_containers(
            f"a function pickled by protocol {protocol} in a configuration",
            lambda canary, protocol=protocol: with_layer(
                "DistributionLambda",
                {"make_distribution_fn": [base64.encodebytes(pickled(canary, protocol)).decode(), None]},
                module="tensorflow_probability.python.layers",
                registered_name="DistributionLambda",
            ),
            "X003",
            (),
        )
    yield Case("a bare pickle of protocol 0", lambda canary: {"m.keras": pickled(canary, 0)}, frozenset({"X003"}))
    yield Case("a bare array of objects", lambda canary: {"model.npy": object_array(canary)}, frozenset({"X003"}))
    yield Case("arrays of objects alone", lambda canary: {"m.weights.npz": _arrays(canary)}, frozenset({"X003"}))
    for name, build in _HDF5.items():
        for ending, whole in ((".keras", lambda one: keras_archive(stored=weights(one))), (".h5", _with_attributes)):
            yield Case(
                f"{name} in {ending}",
                lambda canary, build=build, ending=ending, whole=whole: {
                    f"model{ending}": whole(lambda file: build(file, canary))
                },
                frozenset({"X004"}),
                ALL if name.startswith(("a soft", "two", "one")) else BEFORE_3_9,
                "CVE-2026-0897" if "declares" in name else None if name.startswith("one") else _EXTERNAL,
                reads=True,
                payload=build is _external,
            )
    yield Case(
        "two attributes of one name",
        lambda canary: {"model.h5": _doubled(canary)},
        frozenset({"X001"}),
        ALL,
        payload=True,
    )
    yield Case(
        "a model in the weights of an archive",
        lambda canary: {"model.keras": keras_archive(stored=weights(lambda file: _carry(file, canary)))},
        frozenset({"X001"}),
    )
    yield Case("a shared attribute", lambda canary: {"model.h5": _shared(canary)}, frozenset({"X004"}), ALL)
    yield Case("a configuration of a shared type", lambda canary: {"model.h5": _committed(canary)}, frozenset(), ALL)


def _with_attributes(build: Any) -> bytes:
    return h5_model(build=build)


def _evil(canary: str) -> str:
    return json.dumps(with_layer("Lambda", {"function": new_lambda(canary)}))


def _carry(file: h5py.File, canary: str) -> None:
    file.attrs["model_config"] = _evil(canary)


def _doubled(canary: str) -> bytes:
    """An HDF5 model in which ``model_config`` stands first with code and then without."""
    benign, evil = json.dumps(model()), _evil(canary)

    def build(file: h5py.File) -> None:
        del file.attrs["model_config"]
        file.attrs["model_confix"] = np.bytes_(evil.encode())
        file.attrs["model_config"] = np.bytes_(benign.encode())

    return h5_model(build=build).replace(b"model_confix\0", b"model_config\0")


def _shared(canary: str) -> bytes:
    """An HDF5 model with an attribute whose message says that it is kept elsewhere."""

    def build(file: h5py.File) -> None:
        file.attrs["another_name"] = np.bytes_(b"x" * 24)

    data = bytearray(h5_model(build=build))
    at = data.index(b"another_name\0")
    assert data[at - 16] == 0x0C  # the message is an attribute: kind, size, flags and its own head of 8 bytes
    data[at - 12] |= 2
    return bytes(data)


def _committed(canary: str) -> bytes:
    def build(file: h5py.File) -> None:
        del file.attrs["model_config"]
        text = _evil(canary).encode()
        file["kind"] = np.dtype(f"S{len(text)}")
        file.attrs.create("model_config", text, dtype=file["kind"])

    return h5_model(build=build)


def _external(file: h5py.File, canary: str) -> None:
    place = next(iter(group for group in ("layers/dense/vars", "model_weights/d/d") if group in file))
    name = "0" if place.startswith("layers") else "kernel"
    del file[place][name]
    file[place].create_dataset(name, (4, 4), "f4", external=[(canary, 0, 64)])


def _virtual(file: h5py.File, canary: str) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(canary, "x", (4,))
    file.create_virtual_dataset("v", layout)


_HDF5: dict[str, Callable[[h5py.File, str], Any]] = {
    "numbers in another file": _external,
    "a virtual dataset": _virtual,
    "an external link": lambda file, canary: file.__setitem__("x", h5py.ExternalLink(canary, "/x")),
    "a soft link": lambda file, _: file.__setitem__("x", h5py.SoftLink("/layers")),
    "one group under two names": lambda file, _: file.create_group("a/b").__setitem__("up", file["a"]),
    "an array that declares far more than it stores": lambda file, _: file.create_dataset(
        "big", (10**6, 10**6), "f4", chunks=(1000, 1000), compression="gzip"
    ),
}
