"""What reports say of a model in memory of which a part cannot be opened: it is named with the reason, and no pass."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest

from graphlint.api import assert_clean, check
from graphlint.reports.json import dumps, model_document


@keras.saving.register_keras_serializable(package="closed")
class ByNumber(keras.layers.Layer):
    """Decides by a number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dense = keras.layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.dense.build(shape)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], 4)

    def call(self, x: Any) -> Any:
        return self.dense(x) if float(keras.ops.stop_gradient(keras.ops.sum(x))) > 0 else self.dense(-x)


@pytest.fixture
def model() -> keras.Model:
    inputs = keras.Input((4,), name="inputs")
    outputs = keras.layers.Dense(2, name="head")(ByNumber(name="closed")(inputs))
    return keras.Model(inputs, outputs, name="model")


def test_the_report_and_json_name_what_is_closed(model: keras.Model) -> None:
    report = check(model)
    (finding,) = [finding for finding in report.findings if finding.code == "K008"]
    assert "decides by the values of a tensor" in finding.message
    assert "opaque, not checked inside: closed" in str(report)
    part = json.loads(dumps(model_document(report.models[0])))
    assert part["opaque"] == ["closed"]
    assert "closed" not in part["opened"]
    assert report.models[0].opaque == ("closed",)


def test_assert_clean_passes_with_it_unless_info_fails(model: keras.Model) -> None:
    assert_clean(model, select="K008")
    with pytest.raises(AssertionError, match="decides by the values"):
        assert_clean(model, select="K008", fail_on="info")


def test_a_model_without_known_inputs_says_so(model: keras.Model) -> None:
    class Never(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="never")
            self.head = keras.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.head(x)

    never = Never()
    never.head.build((None, 3))
    never.built = True
    report = check(never, select="K008")
    assert any("pass inputs=" in finding.message for finding in report.findings)
    assert not report.models[0].opened
    assert check(never, select="K008", inputs=np.zeros((2, 3), "float32")).models[0].opened == (".",)
