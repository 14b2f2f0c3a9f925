"""SavedModels: operations in the graph, and what the metadata of Keras objects names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.hostile.dangerous.case import KERAS_2, Case, function, legacy, old_lambda
from tests.hostile.dangerous.messages import field


def cases() -> Iterator[Case]:
    """The main graph, its functions, ``keras_metadata.pb`` and the metadata of TensorFlow 2.0 to 2.4."""
    for operation in _OPERATIONS:
        for place in ("the graph", "a function"):
            yield Case(
                f"{operation} in {place} of a SavedModel",
                lambda _, operation=operation, place=place: {
                    "saved_model.pb": saved_model(**{place.partition(" ")[2]: [node("n", operation)]})
                },
                frozenset({"X003"}),
                KERAS_2,
                folder=True,
            )
    for name, (graph, codes) in _GRAPHS.items():
        yield Case(name, lambda _, graph=graph: {"saved_model.pb": graph}, codes, KERAS_2, folder=True)
    for other in ("saved_model.pbtxt", "saved_model.cpb"):
        yield Case(
            f"{other} beside saved_model.pb",
            lambda _, other=other: {"saved_model.pb": saved_model(graph=[node("n", "NoOp")]), other: b"meta_graphs {}"},
            frozenset({"X004"}),
            folder=True,
        )
    for name, documents in _METADATA.items():
        yield Case(
            f"{name} in the Keras metadata",
            lambda canary, documents=documents: {
                "saved_model.pb": saved_model(graph=[node("n", "NoOp")]),
                "keras_metadata.pb": metadata(documents(canary)),
            },
            frozenset({"X001", "X002", "X003"}),
            KERAS_2,
            folder=True,
        )
        yield Case(
            f"{name} in the metadata of TensorFlow 2.0",
            lambda canary, documents=documents: {
                "saved_model.pb": saved_model(graph=[node("n", "NoOp")], objects=documents(canary))
            },
            frozenset({"X001", "X002", "X003"}),
            KERAS_2,
            folder=True,
        )


def node(name: str, operation: str, *inputs: str, calls: str | None = None) -> bytes:
    """One node of a graph; ``calls`` is a function that it calls."""
    attribute = field(5, field(1, b"f") + field(2, field(10, field(1, calls.encode())))) if calls else b""
    held = b"".join(field(3, one.encode()) for one in inputs)
    return field(1, name.encode()) + field(2, operation.encode()) + held + attribute


def saved_model(
    graph: list[bytes] | None = None,
    function: list[bytes] | None = None,
    objects: dict[str, Any] | None = None,
    name: str = "__inference_call_1",
    saver: bytes = b"",
    signatures: bytes = b"",
) -> bytes:
    """A SavedModel with nodes in its graph and in one function, and metadata of Keras objects, the root's first."""
    nodes = b"".join(field(1, one) for one in graph or [])
    body = field(1, field(1, name.encode())) + b"".join(field(3, one) for one in function or [])
    library = field(2, field(1, body)) if function else b""
    users = b"".join(
        field(1, field(4, field(1, b"_tf_keras_network") + field(3, json.dumps(held).encode())))
        for held in (objects or {}).values()
    )
    held = field(2, nodes + library) + (field(3, saver) if saver else b"") + signatures
    return field(1, 1) + field(2, held + field(7, users))


def metadata(documents: dict[str, Any]) -> bytes:
    """A ``keras_metadata.pb`` with one object for each document."""
    return b"".join(
        field(1, field(2, number) + field(3, path.encode()) + field(4, b"_tf_keras_layer")
              + field(5, json.dumps(held).encode()))
        for number, (path, held) in enumerate(documents.items())
    )  # fmt: skip


def _root(config: Any) -> dict[str, Any]:
    return {"class_name": "Functional", "name": "m", "model_config": config, "keras_version": "2.4.0"}


def _dense() -> Any:
    return legacy("Dense", {"units": 4})


_OPERATIONS = """
    WriteFile ReadFile PyFunc EagerPyFunc PrintV2 MatchingFiles LoadDataset SaveDatasetV2 TextLineDataset
    DebugIdentityV2 WholeFileReaderV2 ImmutableConst LoadAndRemapMatrix RpcCall CreateSummaryFileWriter
    XlaCustomCallV2
""".split()
_X003 = frozenset({"X003"})
_GRAPHS = {
    "SaveV2 in a function that a signature calls": (
        saved_model(
            graph=[node("StatefulPartitionedCall", "StatefulPartitionedCall", calls="__inference__traced_save_1")],
            function=[node("s", "SaveV2", "prefix", "names", "slices", "x")],
            name="__inference__traced_save_1",
        ),
        _X003,
    ),
    "SaveV2 to a path of the file's own": (
        saved_model(
            graph=[node("Save", "StatefulPartitionedCall", calls="__inference__traced_save_1")],
            function=[node("c", "Const"), node("s", "SaveV2", "c:output:0", "names", "slices", "x")],
            name="__inference__traced_save_1",
            saver=field(2, b"Save:0"),
        ),
        _X003,
    ),
    "a table from a path of the file's own": (
        saved_model(
            graph=[node("c", "Const"), node("t", "HashTableV2"), node("i", "InitializeTableFromTextFileV2", "t", "c")]
        ),
        _X003,
    ),
    "a SavedModel that is cut off": (saved_model(graph=[node("n", "WriteFile")])[:-3], frozenset()),
    "a SavedModel with a graph that is none": (field(1, 1) + field(2, b"\x07" * 300), frozenset()),
}
_METADATA = {
    "code": lambda canary: {"root": _root(legacy("Lambda", old_lambda(canary)))},
    "code in an inner object": lambda canary: {
        "root": _root(_dense()),
        "root.layer-1": {"class_name": "Lambda", "config": old_lambda(canary)},
    },
    "a foreign name in an inner object": lambda _: {
        "root": _root(_dense()),
        "root.layer-1": {"class_name": "Dense", "config": {"activation": function("os", "system")}},
    },
    "an operation that writes files": lambda _: {"root": _root(legacy("TFOpLambda", {"function": "io.write_file"}))},
    "the path of a vocabulary in an inner object": lambda path: {
        "root": _root(_dense()),
        "root.layer-1": {"class_name": "StringLookup", "config": {"vocabulary": path}},
    },
}
