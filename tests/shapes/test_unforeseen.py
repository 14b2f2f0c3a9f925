"""No configuration or argument makes a shape rule fail: what Keras never writes is unknown, and no error in tests."""

import random
import re
from collections import Counter
from pathlib import Path

import pytest

import graphlint.shapes
from graphlint.model.definition import Constant, ConstantKind, LayerDefinition, TensorSpec
from graphlint.shapes import ShapeError, infer, slots
from graphlint.shapes.inference import LAYERS, OPERATIONS, Strictness, layer

SOURCES = "".join(path.read_text() for path in Path(graphlint.shapes.__file__).parent.glob("*.py"))
SETTINGS = sorted(
    set(re.findall(r'(?:get|integers?|positive|axis|axes|flag|argument|operand)\((?:\d+, )?"(\w+)"', SOURCES))
)
"""Every setting and argument that some rule reads."""
DENSE = {"class_name": "Dense", "module": "keras.layers", "config": {"units": 3}}
VALUES = [
    *(None, True, False, -5, -1, 0, 1, 2, 3, 10**40, 2.5, -1.0, 1e30, float("nan"), float("inf")),
    *("", "3", "same", "valid", "channels_first", "concat", "int", "one_hot", "ab,bc->ac", "...ab,bc->...ac"),
    *([], [None], ["x"], [-1], [5], [0, 0], [1, 2], [1, 2, 3], (1, 1), [1, [2]], [[1, 1], [2, 2]], {"a": 1}),
    *(DENSE, [DENSE], {**DENSE, "config": {"units": "x"}}, {**DENSE, "class_name": "LSTMCell"}),
]
SHAPES = [(None, 8, 6), (), (None,), (2, 3), (None, 4, 4, 3), (1, 2, 3, 4, 5), (0, 0), (None, None, None)]
TENSORS = [*(TensorSpec(shape, "float32") for shape in SHAPES), TensorSpec(None, None), TensorSpec((2, 2), "int32")]
POLICIES = [None, "float32", "int8_from_float32", "int4/128_from_float32", "int4/x_from_float32", "gptq/4/9_from_x"]


def argument(chosen, depth=0):
    kind = chosen.random()
    if kind < 0.65 or depth == 2:
        return chosen.choice(TENSORS)
    if kind < 0.8:
        return [argument(chosen, depth + 1) for _ in range(chosen.randrange(4))]
    return Constant(chosen.choice(list(ConstantKind)), chosen.choice(VALUES)) if kind < 0.85 else chosen.choice(VALUES)


@pytest.mark.parametrize(
    ("class_name", "operation"), [*((one, False) for one in LAYERS), *((one, True) for one in OPERATIONS)]
)
def test_no_settings_make_a_rule_fail(class_name, operation):
    chosen = random.Random(class_name)
    for _ in range(40):
        kept = chosen.choice([0.1, 0.5, 1.0])
        config = {name: chosen.choice(VALUES) for name in SETTINGS if chosen.random() < kept}
        module = "keras.src.ops" if operation else "keras.layers"
        one = LayerDefinition("one", class_name, module, config=config, is_operation=operation)
        one.build_shape = chosen.choice([None, [None, 8, 6], [None, 3], [[None, 3], [None, 3]], chosen.choice(VALUES)])
        one.dtype_policy = chosen.choice(POLICIES)
        args = tuple(argument(chosen) for _ in range(chosen.choice([0, 1, 1, 2, 3])))
        kwargs = {chosen.choice(SETTINGS): argument(chosen) for _ in range(chosen.choice([0, 0, 1, 2]))}
        try:
            found = infer(one, args, kwargs)
        except ShapeError:
            found = None
        assert found is None or all(isinstance(spec, TensorSpec) for spec in found)
        slots(one)


@pytest.fixture
def faulty():
    """A layer whose rule has a fault."""

    @layer("Faulty")
    def rule(call):
        return Counter(call.config)["no such setting"] / 0

    yield LayerDefinition("one", "Faulty", "keras.layers", config={})
    del LAYERS["Faulty"]


def test_a_fault_of_a_rule_is_seen_in_tests_and_costs_users_one_shape(faulty, monkeypatch):
    tensor = (TensorSpec((None, 3), "float32"),)
    with pytest.raises(ZeroDivisionError):
        infer(faulty, tensor, {})
    monkeypatch.setattr(Strictness, "on", False)
    assert infer(faulty, tensor, {}) is None
