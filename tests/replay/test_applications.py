"""A fast sample of the benchmark over keras.applications."""

from __future__ import annotations

import keras

from tests.benchmarks.split_applications import check


def test_mobilenet_v2() -> None:
    model = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), alpha=0.35, classes=5)
    row = check("MobileNetV2", model, cuts=3, random_cuts=1)
    assert not row.failures and row.worst == 0.0
    assert row.cuts == 4 and row.nested > 0
