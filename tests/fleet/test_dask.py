"""Many models on a real cluster of two worker processes, of which some are killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from distributed import Client, LocalCluster

from graphlint import GraphlintError, check_many
from graphlint.cli import main
from graphlint.fleet import dispatch
from tests.fleet.models import configuration, models

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="kills"),
    pytest.mark.filterwarnings("ignore"),  # Of a cluster whose workers are killed.
]


@pytest.fixture(scope="module")
def cluster():
    import dask

    with (
        dask.config.set({"distributed.admin.log-format": "", "distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as found,
    ):
        yield found


@pytest.fixture
def client(cluster):
    with Client(cluster, set_as_default=False) as found:
        found.wait_for_workers(2, timeout=60)
        yield found


def names(reports) -> list[tuple[str, str]]:
    return [(Path(report.models[0].path).name, report.models[0].status.value) for report in reports]


def test_a_killed_worker_loses_no_model_and_doubles_none(client, tmp_path, monkeypatch):
    monkeypatch.setattr(dispatch, "_FIRST", 1)
    monkeypatch.setattr(dispatch, "_MOST", 2)
    paths = models(tmp_path, 30)
    reports = []
    for number, report in enumerate(check_many(paths, executor=client.get_executor())):
        reports.append(report)
        if number == 4:
            victim = next(iter(client.run(os.getpid).values()))
            os.kill(victim, signal.SIGKILL)
    assert names(reports) == [(Path(path).name, "checked") for path in paths]


def test_a_model_that_kills_its_worker_is_one_finding(client, tmp_path):
    paths = models(tmp_path, 12, at_5="killer")
    before = set(client.run(os.getpid).values())
    reports = list(check_many(paths, executor=client.get_executor(), config=configuration(tmp_path)))
    expected = [(Path(path).name, "refused" if number == 5 else "checked") for number, path in enumerate(paths)]
    assert names(reports) == expected
    assert "killed by SIGKILL" in reports[5].findings[0].message
    assert set(client.run(os.getpid).values()) == before


def test_the_command_line(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models(tmp_path, 5)
    arguments = ["check", "--isolated", "--no-cache", "--format", "json", *sorted(map(str, Path().glob("*.json")))]
    address = cluster.scheduler_address.removeprefix("tcp://")
    there = CliRunner().invoke(main, [*arguments, "--executor", f"dask://{address}"])
    assert there.exit_code == 0, there.output
    assert there.stdout == CliRunner().invoke(main, arguments).stdout


def test_no_cluster_answers(monkeypatch):
    monkeypatch.setattr("graphlint.fleet.executors.PATIENCE", "1s")
    with pytest.raises(GraphlintError, match=r"no Dask scheduler answers at localhost:1\b"):
        next(check_many([], executor="dask://localhost:1"), None)
