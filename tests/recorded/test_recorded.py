"""What is said of the models in ``models.jsonl`` is what is written there: see `tests.recorded`."""

from __future__ import annotations

import pytest

from tests.recorded import SAID, recorded


@pytest.mark.parametrize("case", list(recorded()))
def test_what_is_said_of_a_recorded_model(case):
    model = case.pop("model")
    assert {kind: SAID[kind](model) for kind in case} == case
