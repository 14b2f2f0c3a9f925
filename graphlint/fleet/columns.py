"""Reports as columns, for what asks questions of a million of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from graphlint.errors import GraphlintError, OutputError
from graphlint.reports.report import ModelReport, Report

_ROWS = 10_000
_TEXTS = ("model", "status", "format", "keras_version", "depth", "reason")
_OF_FINDING = ("code", "name", "severity", "message", "address", "layer", "hint", "fix", "fingerprint")


def write_parquet(reports: Iterable[Report], path: str | os.PathLike[str]) -> int:
    """Write reports, such as those of `check_many`, to a Parquet file as they come; the number of its rows.

    Each finding is a row, and so is a model without findings, whose ``code`` is null. Columns are ``model``,
    ``status``, ``format``, ``keras_version``, ``depth``, ``reason``, ``parameters``, and of a finding ``code``,
    ``name``, ``severity``, ``message``, ``address``, ``layer``, ``hint``, ``fix`` (its title), ``fingerprint``. A file
    that is there is only replaced by a whole one.

    Raises:
        GraphlintError: pyarrow is not installed.
        OutputError: the file cannot be written.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise GraphlintError("Parquet needs pyarrow, which is not installed: pip install pyarrow") from None
    fields = [(name, pa.string()) for name in _TEXTS] + [("parameters", pa.int64())]
    schema = pa.schema(fields + [(name, pa.string()) for name in _OF_FINDING])
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    count = 0
    try:
        try:
            with pq.ParquetWriter(temporary, schema) as writer:
                for rows in _batches(reports):
                    writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                    count += len(rows)
            temporary.replace(target)
        except OSError as error:
            raise OutputError(f"cannot write {target.as_posix()!r}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _batches(reports: Iterable[Report]) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    for report in reports:
        for model in report.models:
            rows.extend(_rows(model))
        if len(rows) >= _ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _rows(model: ModelReport) -> Iterator[dict[str, Any]]:
    """The rows of one model. A lone surrogate, which a name may have, is no text elsewhere."""
    own = {name: getattr(model, name) for name in _TEXTS if name != "model"}
    own |= {"model": model.path, "status": model.status.value}
    total = None if model.parameters is None else model.parameters.total
    for finding in model.findings or (None,):
        row: dict[str, Any] = dict(own)
        if finding is not None:
            row |= {name: getattr(finding, name) for name in ("code", "name", "message", "hint", "fingerprint")}
            row["severity"] = finding.severity.value
            row["address"] = None if finding.location is None else finding.location.address
            row["layer"] = None if finding.location is None else finding.location.layer
            row["fix"] = None if finding.fix is None else finding.fix.title
        texts = {
            key: value if value is None else value.encode("utf-8", "backslashreplace").decode()
            for key, value in row.items()
        }
        yield texts | {"parameters": total}
