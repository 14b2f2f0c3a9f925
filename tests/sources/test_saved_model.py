import json

import pytest

from graphlint.engine.linter import Linter
from graphlint.errors import FixError, UnreadableError
from graphlint.fixes.files import fix_file
from graphlint.fixes.fixer import Fixer
from graphlint.sources import read

LAYERS = [
    {
        "class_name": "InputLayer",
        "config": {"batch_input_shape": [None, 4], "name": "in"},
        "name": "in",
        "inbound_nodes": [],
    },
    {"class_name": "Dense", "config": {"units": 2, "name": "d"}, "name": "d", "inbound_nodes": [[["in", 0, 0, {}]]]},
]
MODEL = {
    "class_name": "Functional",
    "config": {"name": "m", "layers": LAYERS, "input_layers": [["in", 0, 0]], "output_layers": [["d", 0, 0]]},
}


def field(number: int, content: bytes) -> bytes:
    size, length = len(content), b""
    while size >= 0x80:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def metadata(root: object) -> bytes:
    other = b"\x10\x01" + field(3, b"root.layer-0") + field(4, b"_tf_keras_layer") + field(5, b"{}")
    node = field(3, b"root") + field(4, b"_tf_keras_network") + field(5, json.dumps(root).encode())
    return field(1, other) + field(1, node)


GRAPH = b"\x08\x01" + field(2, field(2, field(1, field(1, b"n" * 300) + field(2, b"NoOp"))))


@pytest.fixture
def write(tmp_path):
    def write(content, graph=GRAPH):
        path = tmp_path / "model"
        path.mkdir()
        (path / "saved_model.pb").write_bytes(graph)
        if content is not None:
            (path / "keras_metadata.pb").write_bytes(content)
        return path

    return write


def test_configuration_of_keras_2(write):
    root = {
        "class_name": "Functional",
        "model_config": MODEL,
        "keras_version": "2.12.0",
        "training_config": {"loss": "mse", "optimizer_config": {"class_name": "Adam", "config": {}}},
    }
    definition = read(write(metadata(root)))
    assert (definition.format, definition.keras_version, definition.has_graph) == ("saved_model", "2.12.0", True)
    assert [layer.name for layer in definition.root.body.layers] == ["in", "d"]
    assert definition.optimizer.class_name == "Adam" and not definition.has_weights


def test_tuples_as_keras_2_encodes_them(write):
    """As TensorFlow 2.15 writes them: shapes and paddings are objects, not lists."""
    shape = {"class_name": "__tuple__", "items": [None, 8, 3]}
    config = {"batch_input_shape": shape, "dtype": "float32", "name": "in"}
    layers = [
        {"class_name": "InputLayer", "config": config, "name": "in", "inbound_nodes": []},
        {
            "class_name": "ZeroPadding1D",
            "config": {"padding": {"class_name": "__tuple__", "items": [1, 2]}, "name": "pad"},
            "name": "pad",
            "inbound_nodes": [[["in", 0, 0, {}]]],
        },
    ]
    model = {**MODEL, "config": {**MODEL["config"], "layers": layers, "output_layers": [["pad", 0, 0]]}}
    saved = {"class_name": "TensorShape", "items": [None, 8, 3]}
    definition = read(write(metadata({"class_name": "Functional", "build_input_shape": saved, "model_config": model})))
    assert [call.outputs[0].shape for call in definition.root.body.calls] == [(None, 8, 3), (None, 11, 3)]


def test_keras_3_does_not_load_it(write):
    path = write(metadata({"class_name": "Functional", "model_config": MODEL}))
    assert [one.code for one in Linter().check_file(path).findings if one.severity != "info"] == ["K010"]
    with pytest.raises(FixError, match="SavedModel"):
        fix_file(path, Fixer(Linter()))


def test_subclassed_model_is_opaque(write):
    definition = read(write(metadata({"class_name": "MyModel", "config": {}})))
    assert definition.root.opaque and definition.root.class_name == "MyModel" and not definition.has_graph


def test_without_metadata_is_opaque(write):
    definition = read(write(None))
    assert definition.root.opaque and not definition.has_graph


@pytest.mark.parametrize(
    ("content", "graph", "message"),
    [
        (None, b"", "empty"),
        (None, GRAPH[:100], "truncated"),
        (metadata({"model_config": MODEL})[:-20], b"\x08\x01", "truncated"),
        (b"", b"\x08\x01", "no root object"),
        (b"\x07\x07\x07", b"\x08\x01", "not a valid protobuf"),
        (field(1, field(3, b"root") + field(5, b"{")), b"\x08\x01", "not valid JSON"),
        (metadata({"model_config": {"class_name": 3}}), b"\x08\x01", "expected a model configuration"),
        (b"\xff" * 20, b"\x08\x01", "not a valid protobuf"),
    ],
)
def test_damaged(write, content, graph, message):
    with pytest.raises(UnreadableError, match=message):
        read(write(content, graph))
