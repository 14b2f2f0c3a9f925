"""What the stages do with a file, and what they refuse; without Keras: a model in memory is what a file says."""

import importlib.machinery
import io
import json
import sys
import types
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from graphlint.engine.linter import Linter
from graphlint.engine.selection import Selection
from graphlint.errors import FixError, GraphlintError, UnknownAddress
from graphlint.findings.edits import DropRecordedArgument, Rewrite, SaveAgain
from graphlint.findings.finding import Finding, Fix, Location, Severity
from graphlint.fixes import files
from graphlint.fixes.files import PREPARE, WRITE, Job, Stage, fix_file
from graphlint.fixes.fixer import Fixer
from graphlint.fixes.report import Applied, FixReport, Left
from graphlint.model.parameters import Parameters
from graphlint.reports.report import ModelReport, Status
from graphlint.sources import read
from tests.hostile.files import dense, functional, h5_model, input_layer, keras_archive, layer, model, tensor, weights

OLDER = Path(__file__).parents[1] / "data" / "older_releases.zip"


class Held:
    """A model in memory: what a file says, and what is written of it."""

    def __init__(self, definition, content=b""):
        self.definition, self.content = definition, content

    def save(self, target):
        warnings.warn("saved in an old form", stacklevel=1)
        if not self.content:
            raise OSError("no room")
        target.write_bytes(self.content)

    def to_json(self):
        return json.dumps({"written": "as text"})


class Told(Fixer):
    """A fixer that makes of a model in memory what it is told."""

    becomes = None
    report = FixReport()

    def run(self, model, given=(), *, as_loaded=False):
        self.given, self.as_loaded = [one.code for one in given], as_loaded
        return self.becomes or model, self.report


@pytest.fixture
def world(monkeypatch, tmp_path):
    """What Keras loads, what is rescued, and what it says to both."""
    world = SimpleNamespace(
        loaded=[], rescued=[], refuses=None, hopeless=None, means=None, saves=None, proof=SimpleNamespace(close=True)
    )

    def load_model(path, *, safe_mode):
        assert safe_mode
        warnings.warn("loaded in an old form", stacklevel=1)
        world.loaded.append((path.name, path.read_bytes()))
        if world.refuses is not None:
            raise world.refuses
        return Held(world.means or read(path, by_content=True), world.saves or path.read_bytes())

    def rescue(definition):
        world.rescued.append(definition)
        if world.hopeless is not None:
            raise world.hopeless
        return SimpleNamespace(model=Held(world.means or definition, keras_archive()), notes=("fresh weights",))

    def verify(*_):
        if isinstance(world.proof, Exception):
            raise world.proof
        return world.proof

    monkeypatch.chdir(tmp_path)
    keras = types.ModuleType("keras")
    keras.__version__, keras.models = "3.15.1", SimpleNamespace(load_model=load_model)
    keras.__spec__ = importlib.machinery.ModuleSpec("keras", None)
    world.keras = keras
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setitem(sys.modules, "graphlint.fixes.rescue", SimpleNamespace(rescue=rescue))
    live = SimpleNamespace(read_live=lambda model: model.definition)
    monkeypatch.setitem(sys.modules, "graphlint.sources.live", live)
    monkeypatch.setitem(sys.modules, "graphlint.replay.verify", SimpleNamespace(verify=verify))
    return world


def told(*codes, targets=(), becomes=None, **report):
    fixer = Told(Linter(None, Selection(codes) if codes else Selection()), unsafe=True, targets=targets)
    fixer.becomes, fixer.report = becomes, FixReport(**report)
    return fixer


def counts(number):
    """The parameters of a model of which all are trained."""
    return Parameters(number, number, 0, counted_per_layer=number, counted_twice=0, unreachable=0)


def put(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def older(folder, *names):
    with zipfile.ZipFile(OLDER) as archive:
        return [Path(archive.extract(name, folder)) for name in names]


def recorded():
    """A model that is always called as outside of training, which K011 takes out of the file."""
    drop = layer("Dropout", "drop", {"rate": 0.5, "seed": None, "noise_shape": None})
    drop["inbound_nodes"] = [{"args": [tensor("in")], "kwargs": {"training": False}}]
    return functional([input_layer(), drop, dense("d", tensor("drop"))])


def is_recorded(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b'"training": false' in archive.read("config.json")


def found(code, at="d", *edits, severity=Severity.WARNING, hint="", fix=True):
    made = Fix.safe("do it", *edits) if fix else None
    where = Location(f"{at}#0", at)
    return Finding(code, code.lower(), severity, message="m", model="m", location=where, hint=hint, fix=made)


# -- from a file to a model in memory -------------------------------------------------------------------------------


def test_a_file_without_findings_is_loaded_and_stays_what_it_is(world, tmp_path):
    path = put(tmp_path, "model.keras", keras_archive())
    fixer = told()
    done = fix_file(path, fixer)
    assert world.loaded == [("model.keras", path.read_bytes())] and world.rescued == []
    assert (done.changed, done.matched, done.exit_code, done.diff) == (False, False, 0, "")
    assert done.report == FixReport(before=counts(20)) and fixer.as_loaded
    done.save(tmp_path / "out.keras")
    assert (tmp_path / "out.keras").read_bytes() == path.read_bytes() and len(world.loaded) == 1


def test_edits_of_the_file_come_before_loading(world, tmp_path):
    path = put(tmp_path, "named.keras", keras_archive(recorded()))
    fixer = told("K011")
    done = fix_file(path, fixer)
    ((name, content),) = world.loaded
    assert name == "model.keras" and is_recorded(path.read_bytes()) and not is_recorded(content)
    assert [one.finding.code for one in done.report.applied] == ["K011"] == fixer.given and not fixer.as_loaded
    assert done.report.applied[0].difference is None and done.report.left == ()
    assert done.changed and done.matched and done.exit_code == 0
    done.save(tmp_path / "out.keras")
    assert (tmp_path / "out.keras").read_bytes() == content
    assert [name for name, _ in world.loaded] == ["model.keras", "out.keras"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["named.keras", "out.keras"]


def test_only_findings_that_are_edits_of_the_file_alone_are_made_there(world, tmp_path):
    path = put(tmp_path, "model.keras", keras_archive(recorded()))
    drop = DropRecordedArgument(layers=("drop",), argument="training", value=False)
    job = Job(path=path, fixer=told())
    job.source, job.folder, job.definition = path, tmp_path / "scratch", read(path)
    job.folder.mkdir()
    for todo in ([], [found("A1", "d", SaveAgain())], [found("A1", "d", SaveAgain(), drop)], [found("A1")]):
        job.todo = todo
        PREPARE[1].run(job)
        assert job.stored == path and job.applied == []
    job.todo = [found("A1", "d", SaveAgain()), found("B1", "drop", drop), found("C1", "d", Rewrite())]
    job.architecture = path
    PREPARE[1].run(job)
    assert job.stored == path and job.applied == []
    job.architecture = None
    PREPARE[1].run(job)
    assert job.stored == job.folder / "model.keras" and not is_recorded(job.stored.read_bytes())
    assert job.applied == [Applied(job.todo[1], None)]


SAID_OF_FORMAT = "has another format than Keras expects from its name: the model is rewritten"


@pytest.mark.parametrize(
    ("name", "content", "notes"),
    [
        ("model.json", model(), [f"model.json {SAID_OF_FORMAT}"]),
        ("config", model(), [f"config {SAID_OF_FORMAT}"]),
        ("model.keras", h5_model(), [f"model.keras {SAID_OF_FORMAT}"]),
        ("model.h5", keras_archive(), [f"model.h5 {SAID_OF_FORMAT}"]),
    ],
)
def test_a_file_of_another_name_is_rewritten(world, tmp_path, name, content, notes):
    fixer = told("R001")
    done = fix_file(put(tmp_path, name, content), fixer)
    assert world.loaded == [] and len(world.rescued) == 1
    assert list(done.report.notes) == [*notes, "fresh weights"] and done.changed and not fixer.as_loaded
    assert done.report.applied == ()


def test_what_is_rewritten_because_of_a_finding(world, tmp_path):
    config = {"class_name": "Sequential", "config": [dense("d", tensor("in"), batch_input_shape=[None, 4], gone=None)]}
    path = put(tmp_path, "model.h5", h5_model(config))
    done = fix_file(path, told(notes=("n",)))
    assert world.loaded == [] and len(world.rescued) == 1
    assert {one.finding.code for one in done.report.applied} == {"K010"} and done.report.notes == ("fresh weights", "n")


def test_what_a_fix_changes_is_shown(world, tmp_path):
    """From what was loaded; or, of a file that is rewritten, from what it says."""
    world.means = read_bytes(keras_archive(weights_of_two()))
    path = put(tmp_path, "model.keras", keras_archive())
    assert fix_file(path, told("R001")).diff == ""
    shown = fix_file(put(tmp_path, "model.h5", keras_archive()), told("R001")).diff.split("\n")
    assert shown[:2] == ["--- before", "+++ after"] and [line[:4] for line in shown[2:]] == ["+e#0"]


def test_a_finding_says_why_a_file_is_rewritten(world, tmp_path):
    """Then nothing else has to, neither what Keras would compute otherwise nor that it may never end."""
    (path,) = older(tmp_path, "Dense_hard_sigmoid.h5")
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][-1]["config"]["gone"] = None
        file.attrs["model_config"] = json.dumps(config)
    world.keras.__version__ = "3.14.0"
    done = fix_file(path, told())
    assert done.report.notes == ("fresh weights",) and [one.finding.code for one in done.report.applied] == ["K010"]
    world.hopeless = FixError("no way")
    with pytest.raises(
        FixError, match=r"^Keras cannot load Dense_hard_sigmoid\.h5, and it cannot be rewritten: no way$"
    ):
        fix_file(path, told())


def test_weights_and_their_configuration(world, tmp_path):
    stored, architecture = older(tmp_path, "separate.h5", "separate.json")
    done = fix_file(stored, told("R001"), architecture)
    assert world.loaded == [] and [one.has_weights for one in world.rescued] == [True]
    assert list(done.report.notes) == ["the configuration is that of separate.json", "fresh weights"] and done.changed


def test_what_keras_would_compute_otherwise(world, tmp_path):
    (path,) = older(tmp_path, "Dense_hard_sigmoid.h5")
    done = fix_file(path, told("R001"))
    said = "Keras 3.15.1 would load the file and compute something else: it is rewritten"
    assert world.loaded == [] and list(done.report.notes) == [said, "fresh weights"]
    world.hopeless = FixError("no way")
    message = r"^Keras computes something else from Dense_hard_sigmoid\.h5, and it cannot be rewritten: no way$"
    with pytest.raises(FixError, match=message):
        fix_file(path, told("R001"))


@pytest.mark.parametrize(
    ("version", "codes", "module", "ends"),
    [
        ("3.14.9", (), False, False),
        ("3.9.0", ("K003",), False, False),
        ("3.14.9", ("R001",), False, True),
        ("3.14.9", (), True, True),
        ("3.15.0", (), False, True),
        ("3.15.0rc1", (), False, True),
        ("4.0.0", (), False, True),
    ],
)
def test_releases_that_search_for_calls_for_ever(world, tmp_path, version, codes, module, ends):
    (path,) = older(tmp_path, "Dense_hard_sigmoid.h5")
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"]
        config = json.loads(text.replace("hard_sigmoid", "sigmoid"))
        file.attrs["model_config"] = json.dumps(config | ({"module": "keras"} if module else {}))
    path = path.rename(tmp_path / "model")
    world.keras.__version__ = version
    fixer = told(*codes)
    fixer.fixable = lambda findings: ()
    done = fix_file(path, fixer)
    said = ["this Keras may never finish loading a file of Keras 2: the model is rewritten", "fresh weights"]
    assert (len(world.loaded), len(world.rescued)) == ((1, 0) if ends else (0, 1))
    assert list(done.report.notes) == ([] if ends else said) and done.changed != ends


def test_a_file_that_keras_cannot_load(world, tmp_path):
    path = put(tmp_path, "model.keras", keras_archive())
    world.refuses = ValueError("no such\nlayer")
    with pytest.raises(FixError, match=r"^Keras cannot load model\.keras: ValueError: no such layer$"):
        fix_file(path, told("R001"))
    assert world.rescued == []
    for codes in ((), ("R001", "K004")):
        done = fix_file(path, told(*codes))
        said = "Keras cannot load the file as it is (ValueError: no such layer): it is rewritten"
        assert list(done.report.notes) == [said, "fresh weights"] and done.changed
    world.hopeless = FixError("no way")
    with pytest.raises(FixError, match=r"^Keras cannot load model\.keras, and it cannot be rewritten: no way$"):
        fix_file(path, told())


def test_what_is_not_trusted_is_refused(world, tmp_path):
    code = [layer("Lambda", f"l{place}", {"function": ["4wEAAAA=", None, None]}, [tensor("in")]) for place in range(4)]
    bad = functional([input_layer(), *code, dense("d", tensor("in"))])
    path = put(tmp_path, "model.keras", keras_archive(bad))
    with pytest.raises(FixError, match=r"^refused, nothing was loaded or changed: X001"):
        fix_file(path, told())
    job = Job(path=path, fixer=told())
    job.source = path
    with pytest.raises(FixError) as caught:
        PREPARE[0].run(job)
    report = Linter().check_source(lambda: read(path), "m")
    bad = [f"{one.code} {one.name}: {one.message}" for one in report.findings if one.code[0] in "EX"]
    assert str(caught.value) == f"refused, nothing was changed: {'; '.join(bad[:3])}" and len(bad) > 3
    assert world.loaded == world.rescued == []


def test_a_target_has_to_be_there(world, tmp_path):
    path = put(tmp_path, "model.keras", keras_archive(recorded()))
    with pytest.raises(UnknownAddress, match="absent"):
        fix_file(path, told(targets=["absent"]))
    assert world.loaded == []
    done = fix_file(path, told("K011", targets=["d"]))
    assert not done.matched and not done.changed and is_recorded(world.loaded[0][1])
    done.save(tmp_path / "out.keras")
    assert (tmp_path / "out.keras").read_bytes() == path.read_bytes()
    assert fix_file(path, told("K011", targets=["drop"])).matched


def test_what_was_asked_for_may_be_found_in_memory_alone(world, tmp_path):
    path = put(tmp_path, "model.keras", keras_archive())
    fixed = Applied(found("A1", "d"), 0.0)
    for report, targets, matched in (
        ({}, [], False),
        ({"applied": (fixed,)}, [], True),
        ({"left": (Left(fixed.finding, "why"),)}, ["d"], True),
        ({"left": (Left(fixed.finding, "why"),)}, ["in"], False),
    ):
        assert fix_file(path, told("R001", targets=targets, **report)).matched == matched


def test_what_is_left_is_said_once():
    """Fixed on the file, it is not left in memory; what is about the file does not show there."""
    done, both = found("K1", "a", SaveAgain()), found("K2", "b", fix=False)
    of_file = [
        found("K3", "c", fix=False, hint="do it by hand"),
        done,
        both,
        found("K4", "d", fix=False),
        found("K5", "e", SaveAgain()),
        found("A1", "f", fix=False),
        found("K3", "g", fix=False),
    ]
    job = Job(path=Path("model.keras"), fixer=told())
    left = tuple(Left(one, "why") for one in (done, both, found("A2", "a", fix=False), replace(done, location=None)))
    job.fixer.report = FixReport(left=left, notes=("last",), applied=(Applied(found("A9"), 0.5),), difference=0.5)
    job.applied, job.notes, job.loaded = [Applied(done, None)], ["first"], "model"
    job.found = ModelReport("m", Status.CHECKED, findings=tuple(of_file))
    PREPARE[3].run(job)
    assert [
        (one.finding.code, one.finding.location and one.finding.location.layer, one.reason) for one in job.report.left
    ] == [
        ("K2", "b", "why"),
        ("A2", "a", "why"),
        ("K1", None, "why"),
        ("K3", "c", "no fix: do it by hand"),
        ("K4", "d", "no fix"),
        ("K3", "g", "no fix"),
    ]
    assert [one.finding.code for one in job.report.applied] == ["K1", "A9"] and job.report.difference == 0.5
    assert job.report.notes == ("first", "last") and job.report.before is None
    counted = counts(2)
    job.fixer.report = FixReport(before=counted)
    PREPARE[3].run(job)
    assert job.report.before == counted
    job.found = replace(job.found, parameters=counts(1))
    PREPARE[3].run(job)
    assert job.report.before == job.found.parameters


# -- from a model in memory to a file -------------------------------------------------------------------------------


def changed(content=None, definition=None):
    """What a model becomes: another one, which is written as ``content``."""
    return Held(definition or read_bytes(keras_archive()), keras_archive() if content is None else content)


def read_bytes(content):
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        return read(put(Path(folder), "model.keras", content))


@pytest.mark.parametrize(
    ("name", "written", "loads"),
    [
        ("out.keras", b"old", 0),
        ("out.h5", b"new", 1),
        ("out.hdf5", b"new", 1),
        ("out.json", b'{"written": "as text"}', 0),
    ],
)
@pytest.mark.parametrize("becomes", [False, True])
def test_what_is_written_where(world, tmp_path, name, written, loads, becomes):
    """The bytes of the file if it stays as it is and what it was, otherwise what Keras saves."""
    content = {b"old": keras_archive(), b"new": keras_archive(weights_of_two())}
    path = put(tmp_path, "model.keras", content[b"old"])
    world.saves = content[b"new"]
    done = fix_file(path, told("R001", becomes=Held(read(path), content[b"new"]) if becomes else None))
    world.loaded.clear()
    done.save(tmp_path / name)
    if becomes and written == b"old":
        written, loads = b"new", 1
    assert (tmp_path / name).read_bytes() == content.get(written, written)
    assert [one for one, _ in world.loaded] == [name] * loads and done.changed == becomes


def weights_of_two():
    return functional([input_layer(), dense("d", tensor("in")), dense("e", tensor("d"))])


def test_what_cannot_be_written(world, tmp_path):
    path = put(tmp_path, "model.keras", keras_archive())
    with pytest.raises(FixError, match=r"^expected a file ending in \.keras, \.h5 or \.json, got out\.txt$"):
        fix_file(path, told("R001")).save(tmp_path / "out.txt")
    with pytest.raises(FixError, match=r"^the fixed model cannot be saved: OSError: no room$"):
        fix_file(path, told("R001", becomes=changed(b""))).save(tmp_path / "out.h5")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model.keras"]


def with_stray_variable():
    """A file with a variable of the model itself, which nothing computes with."""

    def stray(file):
        file["vars/0"] = np.ones(3, "f4")

    return keras_archive(None, weights(stray))


def test_what_saving_undoes_is_made_again(world, tmp_path):
    """Where it was saved in that form, and nowhere else; other findings of the new file stay."""
    path = put(tmp_path, "model.keras", keras_archive(recorded()))
    fixer = told("K011", becomes=changed(keras_archive(recorded())))
    fix_file(path, fixer).save(tmp_path / "again.keras")
    assert not is_recorded((tmp_path / "again.keras").read_bytes())
    fix_file(path, fixer).save(tmp_path / "out.h5")
    assert is_recorded((tmp_path / "out.h5").read_bytes())
    stored = put(tmp_path, "model.h5", h5_model())
    fixer.becomes = None
    world.keras.models.load_model = lambda path, safe_mode: changed(keras_archive(recorded()))
    fix_file(stored, fixer).save(tmp_path / "other.keras")
    assert not is_recorded((tmp_path / "other.keras").read_bytes())
    fixer = told("R001", becomes=changed(keras_archive(recorded())))
    fix_file(path, fixer).save(tmp_path / "kept.keras")
    fixer = told("P004", becomes=changed(with_stray_variable()))
    with pytest.raises(FixError, match=r"^the fix would introduce P004: nothing was written$"):
        fix_file(put(tmp_path, "good.keras", keras_archive()), fixer).save(tmp_path / "stray.keras")
    assert is_recorded((tmp_path / "kept.keras").read_bytes())


@pytest.mark.parametrize(
    ("proof", "message"),
    [
        (
            SimpleNamespace(close=False, largest=0.126),
            "the saved model differs by 0.13 from the one in memory: nothing was written",
        ),
        (GraphlintError("as it is"), "as it is"),
        (KeyError("k"), "the fixed model does not run on random data, so nothing could be verified: KeyError: 'k'"),
    ],
)
def test_what_was_written_is_compared(world, tmp_path, proof, message):
    path = put(tmp_path, "model.keras", keras_archive())
    world.proof = proof
    done = fix_file(path, told("R001", becomes=changed()))
    with pytest.raises(GraphlintError) as caught:
        done.save(tmp_path / "out.keras")
    assert str(caught.value) == message
    fix_file(path, told("R001")).save(tmp_path / "as_it_was.keras")
    done.save(tmp_path / "out.json")


def test_what_was_written_is_loaded_again(world, tmp_path):
    path = put(tmp_path, "model.keras", keras_archive())
    done = fix_file(path, told("R001", becomes=changed()))
    world.refuses = ValueError("no such\nlayer")
    with pytest.raises(FixError, match=r"^the fixed model cannot be loaded again: ValueError: no such layer$"):
        done.save(tmp_path / "out.keras")


def test_a_fix_brings_no_findings(world, tmp_path):
    """But for those of severity info, and as many of a kind as there were."""
    idle = layer("Dropout", "idle", {"rate": 0.0})

    def chain(*names):
        steps = [dict(idle, name=one, config=idle["config"] | {"name": one}) for one in names]
        for place, one in enumerate(steps):
            one["inbound_nodes"] = [{"args": [tensor(names[place - 1] if place else "in")], "kwargs": {}}]
        return keras_archive(functional([input_layer(), *steps, dense("d", tensor(names[-1] if names else "in"))]))

    one, two = chain("a"), chain("a", "b")
    path = put(tmp_path, "model.keras", one)
    report = Linter().check_file(put(tmp_path, "two.keras", two))
    assert [(x.code, x.severity) for x in report.findings].count(("R001", "info")) == 2
    fix_file(path, told(becomes=changed(two))).save(tmp_path / "info.keras")

    def narrowing(*units):
        """Layers that do not fit what they receive but for the first."""
        names = "abc"[: len(units)]
        steps = [
            dense(one, tensor(before), size) for one, before, size in zip(names, ("in", *names), units, strict=False)
        ]
        return keras_archive(functional([input_layer(), *steps]))

    path = put(tmp_path, "one.keras", narrowing(64, 2))
    for codes in (("A007",), ("D007", "H001")):
        done = fix_file(path, told(*codes, becomes=changed(narrowing(32, 3))))
        done.save(tmp_path / f"{codes[0]}.keras")
        assert done.exit_code == 1
    with pytest.raises(FixError, match=r"^the fix would introduce D007, H001: nothing was written$"):
        fix_file(path, told("A007", "D007", "H001", becomes=changed(narrowing(64, 2, 3)))).save(tmp_path / "out.keras")


# -- the conditions between them ------------------------------------------------------------------------------------


def test_conditions(tmp_path):
    job = Job(path=tmp_path / "model.keras", fixer=None)
    names = ("is_read", "is_stored", "is_loaded", "is_fixed", "is_written", "is_proven")
    conditions = [getattr(files, name) for name in names]

    def true():
        return [one.__name__ for one in conditions if one(job)]

    assert true() == []
    job.definition = "definition"
    assert true() == []
    job.found = ModelReport("m", Status.CHECKED)
    assert true() == ["is_read"] and files.is_trustworthy(job)
    job.found = ModelReport("m", Status.CHECKED, findings=(found("R001"), found("X001")))
    assert not files.is_trustworthy(job)
    job.stored = tmp_path / "absent"
    assert true() == ["is_read"]
    job.stored = tmp_path
    job.loaded = job.fixed = "model"
    assert true() == ["is_read", "is_stored", "is_loaded"]
    job.report = FixReport()
    job.proven = True
    assert true() == ["is_read", "is_stored", "is_loaded", "is_fixed", "is_proven"] and not job.changed_in_memory
    job.rewritten = True
    assert job.changed_in_memory
    job.rewritten, job.fixed = False, "another"
    assert job.changed_in_memory
    job = Job(path=tmp_path / "model.keras", fixer=None)
    job.found, job.report = ModelReport("m", Status.CHECKED), FixReport()
    assert true() == []


def test_what_a_stage_requires_an_earlier_one_ensures():
    ensured = set()
    for stage in (*PREPARE, *WRITE):
        assert set(stage.requires) <= ensured, stage.name
        ensured |= set(stage.ensures)


def test_a_condition_that_does_not_hold_stops_the_pipeline(tmp_path):
    def forgets(job):
        """Ensures a file that it does not write."""

    job = Job(path=tmp_path / "model.keras", fixer=None)
    with pytest.raises(FixError, match="is_stored is not true after forgets"):
        files.run([Stage(run=forgets, requires=(), ensures=(files.is_stored,))], job)
    seen = []
    stages = [
        Stage(run=seen.append, requires=(), ensures=()),
        Stage(run=forgets, requires=(files.is_loaded,), ensures=()),
        Stage(run=seen.append, requires=(files.is_proven,), ensures=()),
    ]
    with pytest.raises(FixError, match="is_loaded is not true before forgets"):
        files.run(stages, job)
    with pytest.raises(FixError, match="is_proven is not true before append"):
        files.run(stages[::2], job)
    assert seen == [job, job]


def test_what_is_written_is_a_file_with_something_in_it(tmp_path):
    job = Job(path=tmp_path / "model.keras", fixer=None)
    assert not files.is_written(job)
    for name, written in (("absent", False), ("folder", False), ("empty", False), ("full", True)):
        job.target = tmp_path / name
        if name == "folder":
            job.target.mkdir()
        elif name != "absent":
            job.target.write_bytes(b"a" if written else b"")
        assert files.is_written(job) == written
