"""What fuzzing found, as small files. Each once made a reader or a rule fail in a way of its own."""

from __future__ import annotations

import pytest

from tests.hostile.files import dense, functional, input_layer, keras_archive, layer, tensor, write
from tests.hostile.running import check

INNER = functional([input_layer(), dense("d", tensor("in"))], name="inner") | {
    "name": "inner",
    "inbound_nodes": [{"args": [tensor("in")], "kwargs": {}}],
}
CASES = {
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
    "an output with a huge index": functional([input_layer(), dense("d", tensor("in", 0, 10**12))]),
}


@pytest.mark.parametrize("name", CASES)
def test_found_by_fuzzing(name, tmp_path):
    result = check(write(tmp_path, "model.keras", keras_archive(CASES[name])))
    codes = {one["code"] for one in result.report["findings"]}
    assert "E002" not in codes
    assert not result.reason.startswith("cannot be read: ")
