"""What asks for more than any honest model is refused by a count, and what is merely large is checked.

``python tests/benchmarks/heavy_files.py`` measures the time and memory of the same files at full size.
"""

from dataclasses import replace

import pytest

from graphlint.engine.config import Config
from graphlint.engine.linter import Linter
from graphlint.model.definition import FrontEnd
from graphlint.model.expand import expand
from graphlint.reports.report import Status
from graphlint.sources import read
from graphlint.sources.limits import Limits
from tests.hostile import heavy

TENTH = Limits(
    **{
        name: getattr(Limits(), name) // 10
        for name in ("graph_calls", "graph_tensors", "graph_characters", "findings", "vocabulary_bytes", "json_nodes")
    }
)


@pytest.mark.parametrize("name", heavy.HOSTILE)
def test_a_tenth_of_each_file_against_a_tenth_of_each_limit(name, tmp_path):
    make, size, limit = heavy.HOSTILE[name]
    path = tmp_path / "model.keras"
    path.write_bytes(make(max(size // 10, 18)))
    linter = Linter(Config(limits=TENTH))
    model = linter.check_file(path)
    codes = {finding.code for finding in model.findings}
    if limit is None:
        assert model.status is Status.CHECKED, model.reason
        assert not codes & {"E001", "E002", "E003"}
    else:
        assert model.status is Status.REFUSED
        assert f"the limit {limit} = " in model.reason
        assert "E002" not in codes
        assert linter.report([model]).exit_code() == 2
    assert len(model.findings) <= TENTH.findings + 100


def test_too_many_findings_hide_no_danger(tmp_path):
    path = tmp_path / "model.keras"
    layers = [heavy.start(), *[heavy.layer("ReLU", "x", [heavy.tensor("nothing")])] * 50]
    code = {"class_name": "__lambda__", "config": {"code": "", "defaults": None, "closure": None}}
    layers.append(heavy.layer("Lambda", "danger", [heavy.tensor("input")], function=code))
    path.write_bytes(heavy.keras_file(heavy.json.dumps(heavy.functional(layers, ["danger"]))))
    model = Linter(Config(limits=replace(Limits(), findings=20))).check_file(path)
    assert model.status is Status.REFUSED
    assert {"E003", "X001"} <= {finding.code for finding in model.findings}


@pytest.mark.parametrize("name", heavy.HONEST)
def test_large_honest_models_pass(name, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(heavy.keras_file(heavy.HONEST[name](3_000)))
    definition = read(path)
    assert definition.front_end is FrontEnd.STATIC
    assert len(expand(definition).calls) >= 3_000
    model = Linter(Config(limits=TENTH)).check_file(path)
    assert model.status is Status.CHECKED, model.reason
    assert not [one for one in model.findings if one.severity.value == "error"]


def test_calls_of_nothing_but_tensors_are_not_kept_twice(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(heavy.keras_file(heavy.chain(20)))
    calls = [entry["inbound_nodes"] for entry in read(path, whole=False).raw["config"]["layers"]]
    assert not any(calls)
    assert any(entry["inbound_nodes"] for entry in read(path).raw["config"]["layers"])


@pytest.mark.parametrize("place", ["args", "kwargs", "tensor", "history"])
def test_what_is_hidden_beside_a_tensor_is_still_found(place, tmp_path):
    code = {"class_name": "__lambda__", "config": {"code": "", "defaults": None, "closure": None}}
    relu = heavy.layer("ReLU", "relu", [heavy.tensor("input")])
    call = relu["inbound_nodes"][0]
    if place == "args":
        call["args"].append(code)
    elif place == "kwargs":
        call["kwargs"]["training"] = code
    elif place == "tensor":
        call["args"][0]["config"]["more"] = code
    else:
        call["args"][0]["config"]["keras_history"].append(code)
    path = tmp_path / "model.keras"
    path.write_bytes(heavy.keras_file(heavy.json.dumps(heavy.functional([heavy.start(), relu], ["relu"]))))
    assert "X001" in {finding.code for finding in Linter().check_file(path).findings}
