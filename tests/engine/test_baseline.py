import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from graphlint.engine.baseline import Baseline, Mode
from graphlint.engine.linter import not_searched, nothing_to_check, refused, skipped
from graphlint.errors import BaselineError, UnreadableError
from graphlint.findings.finding import Finding, Severity
from graphlint.reports.report import ModelReport, Status

CODES = ("A001", "D001", "S001")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def finding(path, code, number):
    return Finding(code, "a-name", Severity.ERROR, message="m", model=path, fingerprint=f"{number:032x}")


def model(path, *found, ran=CODES):
    """A model with findings such as ``A001:7``, a code with a number that stands for the fingerprint."""
    findings = [finding(path, one[:4], int(one[5:] or 0)) for one in found]
    return ModelReport(path, Status.CHECKED, findings=tuple(findings), ran=tuple(ran))


def exist(*models):
    """Files where the models are."""
    for one in models:
        Path(one.path).parent.mkdir(parents=True, exist_ok=True)
        Path(one.path).touch()


def written(*models, general=(), path="known.txt"):
    exist(*models)
    baseline = Baseline.read(Path(path), Mode.WRITE)
    for one in general:
        assert baseline.knows(one)
    for one in models:
        assert baseline.apply(one).findings == ()
    Path(path).write_text(baseline.text() + "\n")


def new(*models, mode=Mode.READ, path="known.txt"):
    """What is reported of models, and the baseline after that."""
    baseline = Baseline.read(Path(path), mode)
    reports = [baseline.apply(one) for one in models]
    return [(one.path, found.code) for one in reports for found in one.findings], baseline


def test_what_was_written_is_known_and_what_is_new_is_not(here):
    first, second = model("a.keras", "A001:1", "D001:2"), model("b/c.keras", "A001:1")
    written(first, second)
    assert new(first, second)[0] == []
    (report,) = [Baseline.read(Path("known.txt")).apply(first)]
    assert (report.in_baseline, [one.reason for one in report.suppressions]) == (2, ["in the baseline"] * 2)
    assert new(model("a.keras", "A001:1", "D001:2", "S001:3"), second)[0] == [("a.keras", "S001")]
    assert new(model("a.keras", "A001:2"), second)[0] == [("a.keras", "A001")]


def test_it_counts_how_often(here):
    written(model("a.keras", "A001:1", "A001:1"))
    assert new(model("a.keras", "A001:1", "A001:1"))[0] == []
    assert new(model("a.keras", "A001:1", "A001:1", "A001:1"))[0] == [("a.keras", "A001")]


def test_an_entry_is_a_line_and_lines_are_sorted(here):
    written(model("b.keras", "D001:2", "A001:1"), model("a b.keras", "A001:3"))
    head, *lines = Path("known.txt").read_text().splitlines()
    assert head.startswith("# graphlint baseline 1")
    assert lines == ["a b.keras A001 " + f"{3:032x}", "b.keras A001 " + f"{1:032x}", "b.keras D001 " + f"{2:032x}"]


def test_paths_are_relative_to_the_file_wherever_it_is_used(here, monkeypatch):
    Path("sub").mkdir()
    found = model("sub/a.keras", "A001:1")
    written(found, path="sub/known.txt")
    assert "\na.keras A001" in Path("sub/known.txt").read_text()
    assert new(model(str(here / "sub/a.keras"), "A001:1"), path="sub/known.txt")[0] == []
    monkeypatch.chdir(here / "sub")
    assert new(model("a.keras", "A001:1"))[0] == []
    monkeypatch.chdir(here)
    Path("link").symlink_to("sub")
    assert new(model("link/a.keras", "A001:1"), path="sub/known.txt")[0] == []


def test_models_that_are_no_files_are_called_as_they_are(here):
    live, remote = model("pkg.mod:build", "A001:1"), model("s3://bucket/a.keras", "A001:2")
    baseline = Baseline(Path("known.txt"), (), Mode.WRITE)
    assert [baseline.apply(one).findings for one in (live, remote)] == [(), ()]
    assert [line.partition(" ")[0] for line in baseline.text().splitlines()[1:]] == [live.path, remote.path]


# -- what is gone ---------------------------------------------------------------------------------------------------


def test_an_entry_that_matches_nothing_is_said_and_taken_out(here):
    written(model("a.keras", "A001:1", "D001:2"), model("b.keras", "A001:1"))
    after = model("a.keras", "A001:1"), model("b.keras", "A001:1")
    (note,) = new(*after)[1].notes()
    assert note == "known.txt: 1 entry matches nothing any more (a.keras D001): --update-baseline takes them out"
    baseline = new(*after, mode=Mode.UPDATE)[1]
    assert "D001" not in baseline.text() and baseline.text().count("A001") == 2
    assert next(baseline.notes()).endswith("(a.keras D001): taken out")


def test_what_was_not_looked_at_stays(here):
    written(model("a.keras", "A001:1", "D001:2"), model("b.keras", "A001:1"), model("c.keras", "S001:4"))
    before = Path("known.txt").read_text().splitlines()
    partly = model("a.keras", "A001:1", ran=("A001",))  # As with --select A.
    for mode in Mode:
        baseline = new(partly, skipped("c.keras", "excluded"), mode=mode)[1]
        assert list(baseline.notes()) == [] and baseline.text().splitlines() == before


def test_entries_of_a_model_that_was_deleted_are_taken_out(here):
    written(model("a.keras", "A001:1"), model("b.keras", "D001:1"))
    Path("b.keras").unlink()
    _, baseline = new(model("a.keras", "A001:1"), mode=Mode.UPDATE)
    assert "b.keras" not in baseline.text() and "(b.keras D001)" in next(baseline.notes())


def test_update_adds_nothing_and_write_adds_all(here):
    written(model("a.keras", "A001:1"))
    after = model("a.keras", "A001:1", "D001:2")
    found, baseline = new(after, mode=Mode.UPDATE)
    assert found == [("a.keras", "D001")] and "D001" not in baseline.text()
    found, baseline = new(after, mode=Mode.WRITE)
    assert found == [] and "D001" in baseline.text()


# -- what cannot be checked -----------------------------------------------------------------------------------------


def test_what_could_not_be_read_is_known_and_still_said(here):
    broken = refused("a.keras", UnreadableError("no model"))
    folder = not_searched("locked", "Permission denied")
    Path("locked").mkdir()
    written(broken, general=[folder])
    baseline = Baseline.read(Path("known.txt"))
    assert baseline.apply(broken).findings == () and baseline.knows(folder)
    assert next(baseline.notes()).endswith("what could not be checked is known, and no failure: a.keras, locked")
    (note,) = new(model("a.keras"))[1].notes()
    assert "(a.keras E001)" in note
    found = new(refused("b.keras", UnreadableError("no model")))[0]
    assert found == [("b.keras", "E001")]


def test_findings_of_a_model_that_is_broken_now_are_not_gone(here):
    written(model("a.keras", "A001:1"))
    found, baseline = new(refused("a.keras", UnreadableError("cut off")), mode=Mode.UPDATE)
    assert found == [("a.keras", "E001")] and "A001" in baseline.text()


def test_that_nothing_was_checked_is_never_known(here):
    for mode in Mode:
        assert not Baseline(Path("known.txt"), (), mode).knows(nothing_to_check(".", "nothing there"))


# -- moving ---------------------------------------------------------------------------------------------------------


def moved(*pairs):
    for before, after in pairs:
        Path(after).parent.mkdir(parents=True, exist_ok=True)
        Path(before).rename(after)


@pytest.mark.parametrize("after", ["new/a.keras", "a.h5", "renamed.keras"])
def test_a_model_that_was_moved_is_known(here, after):
    written(model("a.keras", "A001:1", "D001:2"), model("other.keras", "A001:1"))
    moved(("a.keras", after))
    found, baseline = new(model(after, "A001:1", "D001:2"), model("other.keras", "A001:1"), mode=Mode.UPDATE)
    assert found == []
    assert list(baseline.notes()) == [f"known.txt: taken for models that are gone: {after} for a.keras"]
    assert f"{after} D001" in baseline.text() and "\na.keras" not in baseline.text()


def test_a_fault_that_is_new_in_a_moved_model_is_one_finding(here):
    written(model("old/a.keras", "A001:1", "D001:2"))
    moved(("old/a.keras", "new/a.keras"))
    assert new(model("new/a.keras", "A001:1", "D001:2", "S001:3"))[0] == [("new/a.keras", "S001")]


def test_a_copy_is_new(here):
    written(model("a.keras", "A001:1"))
    exist(model("b/a.keras"))
    assert new(model("a.keras", "A001:1"), model("b/a.keras", "A001:1"))[0] == [("b/a.keras", "A001")]
    Path("a.keras").unlink()
    Path("c").mkdir()
    assert new(model("b/a.keras", "A001:1"), model("c/a.keras", "A001:1"))[0] == [("c/a.keras", "A001")]


def test_moved_models_that_are_alike_keep_what_is_theirs(here):
    """One that is saved again looks more like another one than like itself; each kept its folder and its name."""
    before = [model("faults/a/x.keras", "A001:1"), model("faults/b/y.keras", "A001:1", "D001:2", "S001:3")]
    written(*before)
    for one in before:
        Path(one.path).unlink()
    after = [
        model("all/faults/a/x.keras", "A001:1", "D001:2"),
        model("all/faults/b/y.keras", "A001:1", "D001:2", "S001:3"),
    ]
    exist(*after)
    found, _ = new(*after)
    assert found == [("all/faults/a/x.keras", "D001")]


def test_what_a_moved_model_had_is_left_to_it(here):
    """A new model that comes first, and looks the same, is a new one."""
    before = model("faults/b/y.keras", "A001:1")
    written(before)
    Path(before.path).unlink()
    after = [model("all/a/new.keras", "A001:1"), model("all/faults/b/y.keras", "A001:1")]
    exist(*after)
    baseline = Baseline.read(Path("known.txt"))
    baseline.expected = [one.path for one in after]
    assert [len(baseline.apply(one).findings) for one in after] == [1, 0]
    assert new(*after)[0] == [("all/faults/b/y.keras", "A001")]  # Where it is not known which models will come.


def test_the_longer_common_end_is_the_same_model(here):
    before = [model(f"{run}/1/model.keras", f"A001:{number}", "D001:9") for number, run in enumerate(("old", "new"))]
    written(*before)
    for one in before:
        Path(one.path).unlink()
    after = [model(f"all/{run}/1/model.keras", "A001:1", "D001:9") for run in ("old", "new")]
    exist(*after)
    found, _ = new(*after)
    assert found == [("all/old/1/model.keras", "A001")]


def test_another_model_is_not_taken_for_one_that_is_gone(here):
    written(model("a.keras", "A001:1", "D001:2", "S001:3"))
    Path("a.keras").unlink()
    assert new(model("b.keras", "A001:1", "D001:9"))[0] == [("b.keras", "A001"), ("b.keras", "D001")]


def test_a_folder_with_models_of_one_name_is_moved_whatever_the_order(here):
    before = [model(f"runs/{number}/model.keras", f"A001:{number}", "D001:9") for number in range(6)]
    written(*before)
    moved(*((one.path, one.path.replace("runs", "archive")) for one in before))
    after = [
        model(one.path.replace("runs", "archive"), f"A001:{number}", "D001:9") for number, one in enumerate(before)
    ]
    random.Random(0).shuffle(after)
    assert new(*after)[0] == []


# -- the file -------------------------------------------------------------------------------------------------------

PATHS = some.text(some.characters(exclude_characters="\0/"), min_size=1, max_size=8).filter(
    lambda text: text not in (".", "..") and "://" not in text and ":" not in text and not text.startswith("<")
)
FOUND = some.lists(some.sampled_from([f"{code}:{number}" for code in CODES for number in range(3)]), max_size=5)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(some.dictionaries(PATHS, FOUND, max_size=5), some.randoms())
def test_a_baseline_knows_what_it_was_written_from_and_no_more(tmp_path_factory, given, order):
    path = tmp_path_factory.getbasetemp() / "known.txt"
    models = [model(str(path.parent / name), *found) for name, found in given.items()]
    baseline = Baseline(path, (), Mode.WRITE)
    for one in models:
        baseline.apply(one)
    path.write_text(baseline.text() + "\n")
    lines = path.read_text().split("\n")[1:-1]
    assert lines == sorted(lines) and len(lines) == sum(map(len, given.values()))
    again = Baseline.read(path, Mode.UPDATE)
    order.shuffle(models)
    assert all(again.apply(one).findings == () for one in models)
    assert Counter(again.text().split("\n")) == Counter(baseline.text().split("\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a baseline of graphlint, version 1, got an empty file"),
        ("# graphlint baseline 2\n", "got '# graphlint baseline 2'"),
        ("[tool.graphlint]\n", "got '[tool.graphlint]'"),
        (
            "# graphlint baseline 1\n<<<<<<< HEAD\n",
            "line 2: expected a path, a code and a fingerprint, got '<<<<<<< HEAD'",
        ),
    ],
)
def test_another_file_is_refused(here, text, message):
    Path("known.txt").write_text(text)
    with pytest.raises(BaselineError) as error:
        Baseline.read(Path("known.txt"))
    assert message in str(error.value)


def test_what_a_merge_leaves_is_read(here):
    written(model("a.keras", "A001:1"), model("b.keras", "D001:1"))
    head, *lines = Path("known.txt").read_text().splitlines()
    Path("known.txt").write_bytes("\r\n".join(["\ufeff" + head, "", *reversed(lines), ""]).encode())
    assert new(model("a.keras", "A001:1"), model("b.keras", "D001:1"))[0] == []


def test_a_missing_baseline_says_how_to_write_it(here):
    with pytest.raises(BaselineError, match="write it with --write-baseline none"):
        Baseline.read(Path("none.txt"))
