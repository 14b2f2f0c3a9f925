"""Reports as columns."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from graphlint import OutputError, check_many, write_parquet
from tests.fleet.models import configuration, model, models


def test_every_finding_and_every_clean_model_is_a_row(tmp_path):
    paths = [*models(tmp_path, 4, at_2="marked"), str(tmp_path / "missing.keras")]
    target = tmp_path / "reports.parquet"
    assert write_parquet(check_many(paths, config=configuration(tmp_path)), target) == 5
    rows = pq.read_table(target).to_pylist()
    assert [row["model"] for row in rows] == paths
    assert [row["code"] for row in rows] == [None, None, "ZP001", None, "E001"]
    assert [row["status"] for row in rows] == ["checked"] * 4 + ["refused"]
    assert {row["depth"] for row in rows[:4]} == {"weights"}


def test_names_that_are_no_text(tmp_path):
    report = check_many([("a", model("\ud800").replace('"units": 4', '"units": -1').encode())])
    write_parquet(report, tmp_path / "reports.parquet")
    assert pq.read_table(tmp_path / "reports.parquet").num_rows >= 1


def test_what_goes_wrong_leaves_what_is_there(tmp_path):
    target = tmp_path / "reports.parquet"
    target.write_bytes(b"before")

    def reports():
        yield from check_many(models(tmp_path, 1))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_parquet(reports(), target)
    assert target.read_bytes() == b"before"
    with pytest.raises(OutputError, match="cannot write"):
        write_parquet([], tmp_path / "none" / "reports.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m00.json", "reports.parquet"]
