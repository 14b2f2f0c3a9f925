"""Many models over several executors: each is reported once and in order, whatever becomes of a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import graphlint
from graphlint import Workers, check_many
from graphlint.fleet import dispatch
from tests.fleet.models import configuration, model, models

ROOT = Path(__file__).parents[2]


@pytest.fixture
def eager(monkeypatch):
    """Processes start however little there is to do."""
    monkeypatch.setattr(dispatch, "_WORTHWHILE", 0.0)


def statuses(reports) -> dict[str, str]:
    found = [report.models[0] for report in reports]
    assert len({one.path for one in found}) == len(found)
    return {Path(one.path).name: one.status.value for one in found}


def refusals(reports) -> dict[str, str]:
    return {Path(one.path).name: one.reason for report in reports for one in report.models if one.reason}


def test_one_report_for_each_model_in_order_as_they_are_asked_for(tmp_path):
    paths = models(tmp_path)
    taken = []

    def source():
        for path in paths:
            taken.append(path)
            yield path

    reports = check_many(source())
    assert next(reports).models[0].path == paths[0]
    assert len(taken) == 1
    assert [report.models[0].path for report in reports] == paths[1:]


def test_what_a_model_may_be(tmp_path):
    (path,) = models(tmp_path, 1)
    content = Path(path).read_bytes()
    with Path(path).open("rb") as file:
        reports = list(check_many([path, Path(path), content, ("mine", content), file], executor=1))
    assert [report.models[0].path for report in reports] == [path, path, "<bytes>", "mine", path]
    assert all(report.exit_code() == 0 for report in reports)


@pytest.mark.parametrize("kind", ["workers", "number", "threads", "processes"])
def test_every_executor_gives_what_one_process_gives(kind, tmp_path, eager):
    paths = [*models(tmp_path, at_5="marked"), str(tmp_path / "missing.keras")]
    config = configuration(tmp_path)
    expected = [str(report) for report in check_many(paths, config=config)]
    made = {
        "workers": lambda: Workers(2),
        "threads": lambda: ThreadPoolExecutor(2),
        "processes": lambda: ProcessPoolExecutor(2, get_context("spawn")),
    }
    if kind == "number":
        assert [str(report) for report in check_many(paths, executor=2, config=config)] == expected
        return
    with made[kind]() as executor:
        assert [str(report) for report in check_many(paths, executor=executor, config=config)] == expected


@pytest.mark.skipif(os.name == "nt", reason="kills")
@pytest.mark.parametrize("kind", ["workers", "processes"])
def test_a_model_that_kills_its_process_is_one_finding(kind, tmp_path, eager):
    paths = models(tmp_path, 14, at_5="killer")
    executor = Workers(2) if kind == "workers" else ProcessPoolExecutor(2, get_context("spawn"))
    with executor:
        reports = list(check_many(paths, executor=executor, config=configuration(tmp_path)))
    found = statuses(reports)
    assert list(found) == [Path(path).name for path in paths]
    assert [name for name, status in found.items() if status != "checked"] == ["m05.json"]
    for reason in refusals(reports).values():
        assert "in 3 tries (its process was killed by SIGKILL" in reason
    codes = {finding.code for report in reports for finding in report.findings}
    assert codes == {"E001"}


@pytest.mark.parametrize("kind", ["workers", "threads"])
def test_a_model_that_takes_too_long_is_one_finding(kind, tmp_path, eager):
    paths = models(tmp_path, 6, at_3="hanger")
    config = configuration(tmp_path)
    executor = Workers(2, timeout=4) if kind == "workers" else ThreadPoolExecutor(2)
    reports = list(check_many(paths, executor=executor, config=config, timeout=4))
    executor.shutdown(wait=False)
    assert [name for name, status in statuses(reports).items() if status != "checked"] == ["m03.json"]
    assert "in 2 tries (it took more than 4 s)" in refusals(reports)["m03.json"]


@pytest.mark.skipif(os.name == "nt", reason="kills")
def test_a_worker_that_somebody_kills_loses_nothing(tmp_path, eager, monkeypatch):
    paths = models(tmp_path, 40)
    monkeypatch.setattr(dispatch, "_FIRST", 1)
    with Workers(2) as workers:
        reports = []
        for number, report in enumerate(check_many(paths, executor=workers)):
            reports.append(report)
            if number in (3, 20):
                for process in list(workers._running):
                    os.kill(process.pid, signal.SIGKILL)
    assert set(statuses(reports).values()) == {"checked"}
    assert [report.models[0].path for report in reports] == paths


def test_little_work_starts_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    assert len(list(check_many(models(tmp_path), executor=2))) == 12


def test_a_script_needs_no_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, graphlint\nfrom graphlint.fleet import dispatch\ndispatch._WORTHWHILE = 0\n"
        "print('started')\n"
        f"print([r.exit_code() for r in graphlint.check_many({models(tmp_path, 4)}, executor=2)])\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert result.stdout == "started\n[0, 0, 0, 0]\n"


def test_no_more_is_taken_than_is_under_way(tmp_path, eager, monkeypatch):
    monkeypatch.setattr(dispatch, "_AHEAD", 16)
    monkeypatch.setattr(dispatch, "_MOST", 2)
    monkeypatch.setattr(dispatch, "_FIRST", 2)
    paths, most, taken = models(tmp_path, 60), 0, 0

    def source():
        nonlocal taken
        for path in paths:
            taken += 1
            yield path

    for given, _ in enumerate(check_many(source(), executor=ThreadPoolExecutor(2)), 1):
        most = max(most, taken - given)
    assert given == 60
    assert most <= 20


@pytest.mark.parametrize("wrong", ["threads", "dask://", True, 3.5])
def test_an_executor_that_there_is_not(wrong, tmp_path):
    with pytest.raises(graphlint.GraphlintError, match="expected an executor"):
        next(check_many(models(tmp_path, 1), executor=wrong))


def test_a_depth_that_there_is_not():
    with pytest.raises(graphlint.GraphlintError, match="expected depth as one of config, structure, weights"):
        check_many([], depth="all")


def test_an_executor_is_left_as_it_was(tmp_path, eager):
    with ThreadPoolExecutor(2) as executor:
        assert len(list(check_many(models(tmp_path, 6), executor=executor))) == 6
        assert executor.submit(threading.get_ident).result() is not None
    with Workers(1) as workers:
        assert len(list(check_many([("a", model("a").encode())], executor=workers))) == 1
        assert len(list(check_many(models(tmp_path, 3), executor=workers))) == 3
