import sys

import keras
import pytest

from graphlint.errors import ImportTargetError
from graphlint.sources.importing import load_attribute

SOURCE = """
import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
number = 3

def build(units=2, depth=1):
    layers = [keras.layers.Dense(units) for _ in range(depth)]
    return keras.Sequential([keras.Input((4,)), *layers])

def no_model():
    return 3

def fails():
    raise ValueError("no data")

class Zoo:
    @staticmethod
    def small():
        return build(1)
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "made_for_graphlint.py").write_text(SOURCE)
    (tmp_path / "needs_something.py").write_text("import absent_package")
    (tmp_path / "broken_module.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield
    assert sys.path == before
    for name in ("made_for_graphlint", "needs_something", "broken_module"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("target", "call_args", "units"),
    [
        ("made_for_graphlint:model", None, 2),
        ("made_for_graphlint:build", None, 2),
        ("made_for_graphlint:build", "[3, 2]", 3),
        ("made_for_graphlint:build", '{"units": 5}', 5),
        ("made_for_graphlint:Zoo.small", None, 1),
    ],
)
def test_models(target, call_args, units):
    model = load_attribute(target, call_args)
    assert isinstance(model, keras.Model) and model.output_shape == (None, units)


@pytest.mark.parametrize(
    ("target", "call_args", "message"),
    [
        ("made_for_graphlint", None, "expected package.module:attribute"),
        ("made_for_graphlint:absent", None, "no attribute 'absent'"),
        ("made_for_graphlint:number", None, "got int"),
        ("made_for_graphlint:no_model", None, "to return a keras.Model, or several"),
        ("made_for_graphlint:fails", None, "ValueError: no data"),
        ("made_for_graphlint:build", '{"wrong": 1}', "TypeError"),
        ("made_for_graphlint:build", "{", "as JSON"),
        ("made_for_graphlint:build", "3", "list or object"),
        ("made_for_graphlint:model", "[]", "already a model"),
        ("absent_module.inner:x", None, "no module 'absent_module'"),
        ("needs_something:x", None, "absent_package"),
        ("broken_module:x", None, "ZeroDivisionError"),
    ],
)
def test_no_model(target, call_args, message):
    with pytest.raises(ImportTargetError, match=message):
        load_attribute(target, call_args)
