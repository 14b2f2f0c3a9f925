"""The surgery recipes of the README run, and do what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphlint.replay.edit import TieNotSaved
from tests.replay.invariants import assert_same, batch

README = Path(__file__).parents[2] / "README.md"


def recipes() -> list[str]:
    text = README.read_text(encoding="utf-8").partition("\n## Surgery\n")[2].partition("\n## ")[0]
    return re.findall(r"^```python\n(.+?)^```$", text, re.MULTILINE | re.DOTALL)


def test_recipes() -> None:
    scope: dict[str, Any] = {}
    backbone, calls, edits, inside = recipes()
    exec(backbone, scope)
    data = batch(scope["model"], size=1)
    assert_same(scope["tail"](scope["head"](data)), scope["model"](data))
    assert len(scope["head"].outputs) == 2 and scope["logits"].shape == (1, 5)
    assert set(scope["maps"].output) == {"c3", "c4"}
    exec(calls, scope)
    data = batch(scope["pair"])
    assert_same(scope["tail"](scope["head"](data)), scope["pair"](data))
    with pytest.warns(TieNotSaved):
        exec(edits, scope)
    data = np.ones((2, 4), "float32")
    assert_same(scope["apart"](data), scope["shared"](data))
    assert scope["moved"] == "b#0" and scope["wide"].output_shape == (None, 9)
    assert scope["tied"].count_params() == scope["model"].count_params() - 16
    exec(inside, scope)
    data = batch(scope["functional"])
    assert_same(scope["tail"](scope["head"](data)), scope["net"](data))
    assert_same(scope["functional"](data), scope["net"](data))
    assert not scope["frozen"].blocks[0].trainable_variables and scope["frozen"].blocks[1].trainable_variables
