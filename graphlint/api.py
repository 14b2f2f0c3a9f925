"""The Python API of the linter."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlint.engine.config import Config
from graphlint.engine.configuring import load_config
from graphlint.engine.linter import LIVE, Linter, detached
from graphlint.engine.options import TARGET_KERAS
from graphlint.engine.selection import Selection
from graphlint.errors import GraphlintError
from graphlint.portability.target import named_release
from graphlint.reports.report import ModelReport, Report

if TYPE_CHECKING:
    import networkx as nx

    from graphlint.model.graph import ModelGraph
    from graphlint.reports.html.notebook import Shown

Target = Any
"""A ``keras.Model``, or the path of a model file."""


def check(
    model_or_path: Target,
    *,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] | None = None,
    extend_select: str | Iterable[str] | None = None,
    preview: bool | None = None,
    target_keras: str | None = None,
    config: str | os.PathLike[str] | Config | None = None,
    name: str | None = None,
    inputs: Any = None,
    data: Any = None,
) -> Report:
    """Check one model, in memory or in a file.

    Args:
        model_or_path: A ``keras.Model``, or the path of a file.
        select, ignore, extend_select: Codes, names, prefixes or ``"ALL"``: one, or several.
        preview: Whether preview rules run, which are not in the default set yet.
        target_keras: The Keras release that should load the model, such as ``"3.9"``; by default the installed one.
        config: A configuration file. No other is read.
        name: What the report calls the model; by default the path, or ``<live>``.
        inputs: What a subclassed model in memory receives, where that is not known because it was never called: a
            shape such as ``(None, 28, 28)``, a ``keras.Input``, a batch, or a list or dict of them.
        data: What a model in memory is trained on: ``(x, y)`` or ``(x, y, sample_weight)`` as arrays, a
            ``tf.data.Dataset``, a ``PyDataset``, a ``DataLoader`` or a generator of batches. One batch is run through
            the model as `fit` would, on a copy of its state: the model stays as it is. A generator has one batch less
            afterwards.

    Returns:
        A file that cannot be read is a finding in it (E001), not an exception.

    Raises:
        GraphlintError: The configuration cannot be used, a code or release is unknown, this is not a model, or there is
            no batch in the data.
    """
    linter = _linter(select, ignore, extend_select, preview, target_keras, config, data)
    found = _checked(linter, model_or_path, name, inputs, data)
    if found.graph is not None and found.graph.live:
        found = detached(found)
    _drawable()
    return linter.report([found])


def _linter(
    select: str | Iterable[str] | None,
    ignore: str | Iterable[str] | None,
    extend_select: str | Iterable[str] | None,
    preview: bool | None,
    target_keras: str | None,
    config: str | os.PathLike[str] | Config | None,
    data: Any,
) -> Linter:
    selection = Selection.of(select, extend_select=extend_select, ignore=ignore)
    settings = config if config is None or isinstance(config, Config) else load_config(Path(config))
    options = {}
    if target_keras is not None:
        named_release(target_keras)
        options[TARGET_KERAS] = target_keras
    return Linter(settings, selection, preview=preview, options=options, data=data is not None)


def _checked(linter: Linter, model_or_path: Target, name: str | None, inputs: Any, data: Any) -> ModelReport:
    if isinstance(model_or_path, (str, os.PathLike)):
        if data is not None:
            raise GraphlintError(
                "expected a model in memory to run the data through, got the path of a file, of which nothing is run: "
                "load it, and pass the model"
            )
        return linter.check_file(Path(model_or_path), name)
    return linter.check_model(model_or_path, name or LIVE, inputs=inputs, data=data)


def _drawable() -> None:
    """Notebooks draw the graphs that they are given from now on."""
    from graphlint.model.graph import ModelGraph
    from graphlint.reports.html.notebook import install

    install(ModelGraph)


def show(
    model_or_path: Target,
    *,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] | None = None,
    extend_select: str | Iterable[str] | None = None,
    preview: bool | None = None,
    target_keras: str | None = None,
    config: str | os.PathLike[str] | Config | None = None,
    name: str | None = None,
    inputs: Any = None,
    data: Any = None,
) -> Shown:
    """The page of a model, to look at: its graph with what `check` finds, its settings and its numbers.

    The arguments are those of `check`. A notebook draws what is returned; elsewhere ``.save("report.html")`` writes the
    page, which works offline, and ``print`` writes the model as ``graphlint show`` does. For a model in memory it has
    the statistics of its variables, which the report of `check` does not keep.

    Raises:
        GraphlintError: the configuration cannot be used, a code or release is unknown, this is not a model, or there is
            no batch in the data.
    """
    from graphlint.reports import render
    from graphlint.reports.html.notebook import Shown
    from graphlint.reports.text import summary_line

    linter = _linter(select, ignore, extend_select, preview, target_keras, config, data)
    found = _checked(linter, model_or_path, name, inputs, data)
    report = linter.report([found])

    def text() -> str:
        from graphlint.comparison.showing import show as shown

        return str(report) if found.graph is None else shown(found.graph)

    return Shown(render(report, "html"), summary_line(report.tally()), text)


def assert_clean(
    model_or_path: Target,
    *,
    fail_on: str | None = None,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] | None = None,
    extend_select: str | Iterable[str] | None = None,
    preview: bool | None = None,
    target_keras: str | None = None,
    config: str | os.PathLike[str] | Config | None = None,
    name: str | None = None,
    inputs: Any = None,
    data: Any = None,
) -> None:
    """Check one model and fail if something is found at or above ``fail_on``, or could not be checked.

    ``fail_on`` is ``"error"``, ``"warning"``, ``"info"`` or ``"never"``; the default is that of the configuration, or
    else ``"warning"``. The other arguments are those of `check`.

    Raises:
        AssertionError: With the full report.
    """
    report = check(
        model_or_path,
        select=select,
        ignore=ignore,
        extend_select=extend_select,
        preview=preview,
        target_keras=target_keras,
        config=config,
        name=name,
        inputs=inputs,
        data=data,
    )
    if report.exit_code(fail_on):
        raise AssertionError(str(report.listing("info" if fail_on == "info" else None)))


def read_graph(model_or_path: Target) -> ModelGraph:
    """The graph of a model in memory or in a file.

    Raises:
        UnreadableError, LimitError: The file cannot be read, or exceeds a limit.
        GraphlintError: This is not a model.
    """
    from graphlint.model.expand import expand

    if isinstance(model_or_path, (str, os.PathLike)):
        from graphlint.sources import read

        _drawable()
        return expand(read(Path(model_or_path)))
    from graphlint.extras import require_keras

    require_keras("a live model")
    from graphlint.sources.live import read_live

    _drawable()
    return expand(read_live(model_or_path))


def to_networkx(model_or_path: Target) -> nx.MultiDiGraph:
    """The influence graph of a model as plain networkx: every attribute is plain data. A notebook draws the model.

    Nodes have a ``kind``: ``variable`` (``layer``, ``slot``, ``shape``, ``dtype``, ``trainable``), ``layer``
    (``name``, ``class_name``, ``module``, ``config``, ``trainable``, ``dtype_policy``, ``build_shape``, ``container``,
    ``opaque``, ``aliases``, ``parent``) or ``call`` (``layer``, ``scope``, ``args``, ``kwargs``, ``shapes`` and
    ``dtypes`` of its outputs). Edges have a ``kind``: ``held by``, ``runs as``, ``tensor`` or ``mask``; the last two
    also ``output``, ``argument``, ``position``, ``shape`` and ``dtype``. The graph has ``name``, ``format``,
    ``keras_version``, ``inputs`` (call nodes) and ``outputs`` (pairs of call node and output index).

    Raises:
        GraphlintError: The model cannot be read.
    """
    from graphlint.model.detach import detach
    from graphlint.projections.plain import plain

    graph = read_graph(model_or_path)
    network = plain(graph)
    detach(graph)
    _drawable()
    network.drawn = graph
    return network
