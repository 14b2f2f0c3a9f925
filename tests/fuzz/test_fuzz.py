"""Two thousand configurations, two thousand archives, a thousand HDF5 files; ``python -m tests.fuzz`` does more."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphlint.errors import GraphlintError
from graphlint.model.expand import expand
from graphlint.sources import read_text
from graphlint.testing.samples import SAMPLES
from tests.fuzz.__main__ import MAKERS
from tests.fuzz.running import run
from tests.fuzz.seeds import Seeds

COUNTS = {"config": 2000, "zip": 2000, "hdf5": 1000}
NAMES = ("mlp", "cnn", "doubly_nested", "bidirectional", "transformer", "siamese", "custom_composite_layer", "trained")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    for name in NAMES:
        model = SAMPLES[name]()
        model.save(folder / f"{name}.keras")
        if name in ("mlp", "bidirectional", "doubly_nested"):
            model.save(folder / f"{name}.h5")
    return Seeds(folder)


@pytest.mark.parametrize("kind", MAKERS)
def test_every_promise_holds(kind, seeds, tmp_path):
    outcome = run(MAKERS[kind](random.Random(20), seeds), COUNTS[kind], tmp_path, again=5)
    assert outcome.inputs == COUNTS[kind]
    assert outcome.failures == []


KEYS = st.sampled_from(
    ["class_name", "config", "name", "layers", "inbound_nodes", "input_layers", "output_layers", "module", "args"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["Dense", "in", "Functional", ""])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5))
LAYERS = st.lists(st.fixed_dictionaries({"class_name": LEAVES, "config": JSON, "inbound_nodes": JSON}), max_size=4)
CONFIGS = st.fixed_dictionaries({"layers": LAYERS | JSON, "input_layers": JSON, "output_layers": JSON})
MODELS = st.fixed_dictionaries({"class_name": st.sampled_from(["Functional", "Sequential"]), "config": CONFIGS | JSON})


@given(MODELS | JSON)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_json_is_read_or_refused(value):
    try:
        graph = expand(read_text(json.dumps(value).encode()))
    except GraphlintError as error:
        assert "\n" not in str(error)
    else:
        assert graph.layers
