"""What fuzzing found, as small files. Each once made a reader or a rule fail in a way of its own."""

from __future__ import annotations

import pytest

from tests.hostile.files import dense, functional, input_layer, keras_archive, layer, tensor, write
from tests.hostile.running import check

INNER = functional([input_layer(), dense("d", tensor("in"))], name="inner") | {
    "name": "inner",
    "inbound_nodes": [{"args": [tensor("in")], "kwargs": {}}],
}
INSIDE_ITSELF = functional([input_layer(), layer("ReLU", "r", {}, [tensor("in")]) | {"shared_object_id": 7}]) | {
    "name": "m",
    "inbound_nodes": [],
    "shared_object_id": 7,
}
WRAPPED_IN_ITSELF = layer(
    "TimeDistributed",
    "t",
    {"layer": layer("TimeDistributed", "t", {"layer": layer("Dense", "d", {"units": 4})}) | {"shared_object_id": 7}},
    [tensor("in", shape=[None, 4, 4])],
    shared_object_id=7,
)
CASES = {
    "a model that holds itself": functional([input_layer(), INSIDE_ITSELF, dense("d", tensor("in"))]),
    "a wrapper that wraps itself": functional([input_layer(shape=[None, 4, 4]), WRAPPED_IN_ITSELF]),
    "the sizes of a kernel are objects": functional(
        [
            input_layer(shape=[None, 8, 8, 4]),
            layer("Conv2D", "a", {"filters": 4, "kernel_size": [{}, 1]}, [tensor("in", shape=[None, 8, 8, 4])]),
            layer("Conv2D", "b", {"filters": 4, "kernel_size": [1, {}]}, [tensor("a", shape=[None, 8, 8, 4])]),
        ]
    ),
    "the class of a literal is a list": functional(
        [input_layer(), layer("Add", "a", {}, [{"class_name": [], "config": {}}]), dense("d", tensor("in"))]
    ),
    "the class of a literal is an object": functional(
        [input_layer(), layer("Add", "a", {}, [{"class_name": {"a": 1}, "config": {}}]), dense("d", tensor("in"))]
    ),
    "a nested model is named as an input": functional([input_layer(), INNER], inputs=[["inner", 0, 0]]),
    "an input takes a tensor and is not declared": functional(
        [
            input_layer(shape=[None, 4, 4]),
            layer("Masking", "m", {"mask_value": 0.0}, [tensor("in", shape=[None, 4, 4])]),
            layer("InputLayer", "other", {"batch_shape": [None, 4, 4]}, [tensor("m", shape=[None, 4, 4])]),
        ]
    ),
    "an einsum was built for another rank": functional(
        [
            input_layer(),
            layer(
                "EinsumDense",
                "e",
                {"equation": "abc,cd->abd", "output_shape": [None, 4]},
                [tensor("in")],
                build_config={"input_shape": [None, 4]},
            ),
        ]
    ),
    "a loss by name is a number": functional([input_layer(), dense("d", tensor("in"))])
    | {"compile_config": {"optimizer": "adam", "loss": {"d": 1}}},
    "the class of a loss is a list": functional([input_layer(), dense("d", tensor("in"))])
    | {"compile_config": {"optimizer": "adam", "loss": {"class_name": [], "config": {}}}},
    "a recorded slice of nothing": functional(
        [
            input_layer(),
            layer("SlicingOpLambda", "s", inbound_nodes=[{"args": [], "kwargs": {"slice_spec": []}}]),
            dense("d", tensor("in")),
        ]
    ),
    "a softmax over an axis that is a tensor": functional(
        [
            input_layer(),
            layer("Softmax", "s", inbound_nodes=[{"args": [tensor("in"), tensor("in")], "kwargs": {}}])
            | {"module": "keras.src.ops.nn"},
        ]
    ),
    "an output with a huge index": functional([input_layer(), dense("d", tensor("in", 0, 10**12))]),
}


@pytest.mark.parametrize("name", CASES)
def test_found_by_fuzzing(name, tmp_path):
    result = check(write(tmp_path, "model.keras", keras_archive(CASES[name])))
    codes = {one["code"] for one in result.report["findings"]}
    assert "E002" not in codes
    assert not result.reason.startswith("cannot be read: ")
