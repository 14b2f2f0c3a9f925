"""The strongest test of graphlint: a saved file and the model in memory give the same graph."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

from graphlint.model.expand import expand
from graphlint.projections.canonical import canonical
from graphlint.sources import read
from graphlint.sources.live import read_live
from graphlint.testing.samples import SAMPLES

APPLICATIONS = {
    "mobilenet": lambda: keras.applications.MobileNet(weights=None, input_shape=(32, 32, 3), alpha=0.25),
    "mobilenet_v2": lambda: keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), alpha=0.35),
    "mobilenet_v3": lambda: keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3), alpha=0.35),
    "resnet_50": lambda: keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), include_top=False),
    "densenet_121": lambda: keras.applications.DenseNet121(weights=None, input_shape=(32, 32, 3), include_top=False),
    "efficientnet_b0": lambda: keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3)),
    "nasnet_mobile": lambda: keras.applications.NASNetMobile(weights=None, input_shape=(32, 32, 3), include_top=False),
    "convnext_tiny": lambda: keras.applications.ConvNeXtTiny(weights=None, input_shape=(32, 32, 3), include_top=False),
}


def differences(static: Any, live: Any, where: str = "") -> Iterator[str]:
    if isinstance(static, dict) and isinstance(live, dict):
        for key in sorted({*static, *live}, key=str):
            if key not in static or key not in live:
                yield f"{where}/{key}: only {'static' if key in static else 'live'}"
            else:
                yield from differences(static[key], live[key], f"{where}/{key}")
    elif static != live:
        if isinstance(static, list) and isinstance(live, list) and len(static) + len(live) > 8:
            one, other = sorted(map(json.dumps, static)), sorted(map(json.dumps, live))
            static = [item for item in one if item not in other]
            live = [item for item in other if item not in one]
        yield f"{where}: static {static} != live {live}"


def assert_same(path: Path, model: keras.Model) -> None:
    static, live = canonical(expand(read(path))), canonical(expand(read_live(model)))
    assert not list(differences(static, live))
    assert static == live


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer:UserWarning")
def test_every_sample(name: str, tmp_path: Path) -> None:
    model = SAMPLES[name]()
    path = tmp_path / "model.keras"
    model.save(path)
    assert_same(path, model)
    keras.utils.clear_session(free_memory=False)  # so that operations are loaded under their old names
    assert_same(path, keras.saving.load_model(path))


@pytest.mark.parametrize("name", APPLICATIONS)
def test_public_architectures(name: str, tmp_path: Path) -> None:
    model = APPLICATIONS[name]()
    path = tmp_path / "model.keras"
    model.save(path)
    assert_same(path, model)
