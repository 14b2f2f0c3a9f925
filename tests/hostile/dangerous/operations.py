"""Layers of Keras 2 that call a function or an operation of TensorFlow by its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.dangerous.case import KERAS_2, Case, in_containers, legacy
from tests.hostile.dangerous.messages import field


def cases() -> Iterator[Case]:
    """TFOpLambda, ClassMethod and TensorFlowOpLayer."""
    for name in _FUNCTIONS:
        yield from in_containers(
            f"TFOpLambda of {name}", lambda canary, name=name: _function(name, canary), "X003", KERAS_2, None, (".h5",),
            payload=name in _ARGUMENTS,
        )  # fmt: skip
    for symbol, method in _METHODS.items():
        config = {"cls_symbol": symbol, "method_name": method}
        yield from in_containers(
            f"ClassMethod of {symbol}", lambda _, config=config: legacy("ClassMethod", config), "X003", KERAS_2, None,
            (".h5",),
        )  # fmt: skip
    for class_name, key, name in _ATTRIBUTES:
        yield from in_containers(
            f"{class_name} of {name}",
            lambda _, class_name=class_name, key=key, name=name: legacy(class_name, {key: name}),
            "X003",
            KERAS_2,
            None,
            (".h5",),
        )
    for operation in _OPERATIONS:
        for kind, node in (("an object", {"name": "n", "op": operation, "input": ["a"]}), ("bytes", _bytes(operation))):
            yield from in_containers(
                f"TensorFlowOpLayer of {operation} as {kind}",
                lambda _, node=node: legacy("TensorFlowOpLayer", {"node_def": node, "constants": {}}),
                "X003",
                KERAS_2,
                None,
                (".h5",),
            )


def _function(name: str, canary: str) -> Any:
    config = legacy("TFOpLambda", {"function": name})
    if name in _ARGUMENTS:
        first, keywords = _ARGUMENTS[name]
        keywords = {key: value.replace("@", canary) for key, value in keywords.items()}
        config["config"]["layers"][1]["inbound_nodes"] = [["_CONSTANT_VALUE", -1, first.replace("@", canary), keywords]]
        config["config"]["output_layers"] = [["in", 0, 0]]
    return config


def _bytes(operation: str) -> str:
    return (field(1, b"n") + field(2, operation.encode()) + field(3, b"a")).decode()


_ARGUMENTS: dict[str, tuple[str, dict[str, str]]] = {
    "io.write_file": ("@", {"contents": "x"}),
    "io.gfile.makedirs": ("@", {}),
    "raw_ops.WriteFile": ("@", {"contents": "x"}),
}
_FUNCTIONS = """
    io.write_file io.read_file io.matching_files io.gfile.makedirs io.gfile.rmtree io.gfile.copy io.write_graph
    py_function numpy_function compat.v1.py_func print compat.v1.Print raw_ops.WriteFile raw_ops.PyFunc
    raw_ops.PrintV2 raw_ops.LoadDataset saved_model.load load_op_library load_library data.experimental.save
    train.load_checkpoint summary.create_file_writer import_graph_def debugging.experimental.enable_dump_debug_info
    config.experimental_connect_to_host distribute.cluster_resolver.TPUClusterResolver keras.utils.get_file
    keras.models.load_model lookup.TextFileInitializer nn.fixed_unigram_candidate_sampler
""".split()
_METHODS = {
    "data.Dataset": "from_generator",
    "data.TextLineDataset": "__init__",
    "io.TFRecordWriter": "write",
    "train.Checkpoint": "restore",
    "lookup.TextFileInitializer": "__init__",
}
_ATTRIBUTES = (
    ("InstanceProperty", "attr_name", "__class__"),
    ("InstanceProperty", "attr_name", "__globals__"),
    ("InstanceMethod", "method_name", "__reduce_ex__"),
)
_OPERATIONS = """
    WriteFile ReadFile PyFunc EagerPyFunc PrintV2 MatchingFiles SaveV2 RestoreV2 LoadDataset TextLineDataset
    DebugIdentityV2 ImmutableConst FixedUnigramCandidateSampler RpcCall XlaCustomCallV2 Invented
""".split()
