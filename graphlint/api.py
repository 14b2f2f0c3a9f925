"""The Python API of the linter."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlint.engine.config import Config
from graphlint.engine.configuring import load_config
from graphlint.engine.linter import LIVE, Linter, detached
from graphlint.engine.options import TARGET_KERAS
from graphlint.engine.selection import Selection
from graphlint.errors import GraphlintError
from graphlint.fleet.tasks import TIMEOUT, Settings, Task, linter_of
from graphlint.portability.target import named_release
from graphlint.reports.report import ModelReport, Report
from graphlint.sources import Depth, is_stored, shown_as
from graphlint.sources.in_memory import BYTES

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import networkx as nx

    from graphlint.model.definition import ModelDefinition
    from graphlint.model.graph import ModelGraph
    from graphlint.reports.html.notebook import Shown
    from graphlint.reports.impact import DrawnImpact

Target = Any
"""A ``keras.Model``, also one of Keras 2 (`tf_keras`), of which no code is run; or the path or URL of a model file, its
bytes, or a file that is open for reading."""


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
    depth: str = "weights",
) -> Report:
    """Check a model, in memory or in a file, or several together.

    Several models are checked one by one and then as one graph, in which a layer that two of them hold is one layer:
    the report says what belongs to which, and `graph` and `parameters` are those of all of them. An address in that
    graph begins with the name of a model: ``gan:generator/dense#0``.

    Args:
        model_or_path: A ``keras.Model``; or the path or URL of a file, its bytes, or a file that is open for reading.
            Or several of these, in a list or a dict of names.
        select, ignore, extend_select: Codes, names, prefixes or ``"ALL"``: one, or several.
        preview: Whether preview rules run, which are not in the default set yet.
        target_keras: The Keras release that should load the model, such as ``"3.9"``; by default the installed one.
        config: A configuration file. No other is read.
        name: What the report calls the model; by default the path, or ``<live>``.
        inputs: What a subclassed model in memory receives, where that is not known because it was never called: a
            shape such as ``(None, 28, 28)``, a ``keras.Input``, a batch, or a list or dict of them. Of several models,
            a dict of these, by the names of the models.
        data: What a model in memory is trained on: ``(x, y)`` or ``(x, y, sample_weight)`` as arrays, a
            ``tf.data.Dataset``, a ``PyDataset``, a ``DataLoader`` or a generator of batches. One batch is run through
            the model as `fit` would, on a copy of its state: the model stays as it is. A generator has one batch less
            afterwards. Of several models, a dict of these, by the names of the models.
        depth: How much of a file is read: ``"config"``, its configuration; ``"structure"``, also which weights it
            holds; ``"weights"``, also their numbers. The report says which rules could not run.

    Returns:
        A file that cannot be read is a finding in it (E001), not an exception.

    Raises:
        GraphlintError: The configuration cannot be used, a code or release is unknown, this is not a model, or there is
            no batch in the data.
    """
    members = models(model_or_path)
    linter = _settings(select, ignore, extend_select, preview, target_keras, config, data, depth).linter()
    if members is None:
        found = [_checked(linter, model_or_path, name, inputs, data)]
    else:
        given, fed = _by_model(inputs, "inputs"), _by_model(data, "data")
        checked = {one: _checked(linter, two, one, given.get(one), fed.get(one)) for one, two in members.items()}
        found = linter.check_several(checked)
    found = [detached(one) if one.graph is not None and _in_memory(one.graph) else one for one in found]
    _drawable()
    return linter.report(found)


def _in_memory(graph: ModelGraph) -> bool:
    return graph.live or graph.definition.is_keras_2


def models(target: Any) -> dict[str, Target] | None:
    """Several models by name, where a target is several; None where it is one.

    Raises:
        GraphlintError: there is none in it, or something that is no model, or a name that is not text.
    """
    from graphlint.sources.importing import unique

    if isinstance(target, Mapping):
        strange = next((key for key in target if not isinstance(key, str) or not key), None)
        if strange is not None:
            raise GraphlintError(f"expected the models by name, got the key {strange!r}: use text as names")
        found = dict(target)
    elif isinstance(target, (list, tuple)):
        found = unique((_called(one, place), one) for place, one in enumerate(target))
    else:
        return None
    if not found:
        raise GraphlintError("expected at least one model, got none: pass models or paths of files")
    return found


def _called(target: Target, place: int) -> str:
    if isinstance(target, (str, os.PathLike)):
        return Path(target).stem
    return Path(str(getattr(target, "name", f"model_{place}"))).stem


def _settings(
    select: str | Iterable[str] | None,
    ignore: str | Iterable[str] | None,
    extend_select: str | Iterable[str] | None,
    preview: bool | None,
    target_keras: str | None,
    config: str | os.PathLike[str] | Config | None,
    data: Any,
    depth: str = "weights",
) -> Settings:
    if depth not in list(Depth):
        raise GraphlintError(f"expected depth as one of {', '.join(Depth)}, got {depth!r}")
    selection = Selection.of(select, extend_select=extend_select, ignore=ignore)
    settings = config if config is None or isinstance(config, Config) else load_config(Path(config))
    options = {}
    if target_keras is not None:
        named_release(target_keras)
        options[TARGET_KERAS] = target_keras
    return Settings(
        settings or Config(),
        selection,
        preview,
        options=tuple(options.items()),
        depth=Depth(depth),
        data=data is not None,
    )


def _by_model(given: Any, argument: str) -> Mapping[str, Any]:
    """What is given for each of several models.

    Raises:
        GraphlintError: it is not given by the names of the models.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise GraphlintError(
            f"expected {argument}= of several models as a dict by the names of the models, got {type(given).__name__}: "
            f"write {argument}={{name: ...}}"
        )
    return given


def _checked(linter: Linter, model_or_path: Target, name: str | None, inputs: Any, data: Any) -> ModelReport:
    if is_stored(model_or_path):
        if data is not None:
            raise GraphlintError(
                "expected a model in memory to run the data through, got the path of a file, of which nothing is run: "
                "load it, and pass the model"
            )
        return linter.check_file(model_or_path, name)
    return linter.check_model(model_or_path, name or LIVE, inputs=inputs, data=data)


def check_many(
    models: Iterable[Target | tuple[str, Target]],
    *,
    executor: Executor | str | int | None = None,
    depth: str = "weights",
    cache: bool | str | os.PathLike[str] = False,
    timeout: float | None = TIMEOUT,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] | None = None,
    extend_select: str | Iterable[str] | None = None,
    preview: bool | None = None,
    target_keras: str | None = None,
    config: str | os.PathLike[str] | Config | None = None,
) -> Iterator[Report]:
    """Check many models: one report for each, in their order, as soon as it is there.

    Only a bounded number is under way at a time, and of ``models``, which may be a generator, no more is taken than
    that. A model that ends its process, or takes too long, is tried again in a process of its own, and after a few
    tries is a finding (E001); the others go on, and none is reported twice.

    Args:
        models: What `check` takes, or pairs of a name for the report and that. A model in memory is checked in this
            process, in its turn.
        executor: Where files are checked. None is this process. A number of processes, or `Workers`, are processes of
            graphlint's own, of which any may die. Any other `concurrent.futures.Executor` does as well: threads,
            processes, or Dask's (``client.get_executor()``). ``"dask://ADDRESS"`` is that of the cluster with that
            address, of which the workers have to be able to read the files, and need graphlint installed.
        depth: How much of a file is read, as for `check`.
        cache: Whether files that have not changed since an earlier run are checked again (False), or a folder for what
            is known of them. With it, the fixes of findings are named, but not described.
        timeout: Seconds that one model may take; None is without end. There is none in this process.
        select, ignore, extend_select, preview, target_keras, config: As for `check`.

    Raises:
        GraphlintError: As `check` does, as soon as this is called; or the cluster cannot be reached.
    """
    settings = _settings(select, ignore, extend_select, preview, target_keras, config, None, depth)
    linter = linter_of(settings)
    return _many(models, settings, linter, executor, cache, timeout)


def _many(
    models: Iterable[Target | tuple[str, Target]],
    settings: Settings,
    linter: Linter,
    executor: Executor | str | int | None,
    cache: bool | str | os.PathLike[str],
    timeout: float | None,
) -> Iterator[Report]:
    from graphlint.fleet.cache import Cache
    from graphlint.fleet.dispatch import Dispatch
    from graphlint.fleet.executors import opened

    with ExitStack() as open_:
        chosen = open_.enter_context(opened(executor, timeout))
        store = None if cache is False else Cache(None if cache is True else Path(cache))
        if store is not None:
            open_.enter_context(store)
        tasks = (_task(place, one, settings, linter, chosen is None) for place, one in enumerate(models))
        for found in Dispatch(executor=chosen, cache=store, timeout=timeout).reports(tasks):
            yield linter.report([found])


def _task(place: int, one: Target | tuple[str, Target], settings: Settings, linter: Linter, here: bool) -> Task:
    name, source = one if isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str) else (None, one)
    if not is_stored(source):
        found = detached(linter.check_model(source, name or LIVE))
        return Task(place, None, found.path, settings, done=replace(found, graph=None))
    if isinstance(source, (str, os.PathLike)):
        text = os.fspath(source)
        return Task(place, text, name or shown_as(text), settings)
    given = getattr(source, "name", None)
    name = name or (given if isinstance(given, str) else BYTES)
    if hasattr(source, "read") and not here:
        source = source.read()
    return Task(place, source, name, settings)


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

    linter = _settings(select, ignore, extend_select, preview, target_keras, config, data).linter()
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


def read_graph(model_or_path: Target, *, open_layers: bool = False, inputs: Any = None) -> ModelGraph:
    """The graph of a model in memory or in a file, or of several together.

    With ``open_layers`` a model in memory is run once, abstractly, to see what is inside custom layers and subclassed
    models; ``inputs`` is what it is called with, as for `check`.

    Raises:
        UnreadableError, LimitError: The file cannot be read, or exceeds a limit.
        GraphlintError: This is not a model, or the inputs are none.
    """
    from graphlint.model.expand import expand
    from graphlint.model.several import several

    members = models(model_or_path)
    _drawable()
    if members is None:
        return expand(_defined(model_or_path, open_layers, inputs))
    given = _by_model(inputs, "inputs")
    return expand(several({name: _defined(one, open_layers, given.get(name)) for name, one in members.items()}))


def _defined(model_or_path: Target, open_layers: bool, inputs: Any) -> ModelDefinition:
    if is_stored(model_or_path):
        from graphlint.sources import read

        return read(model_or_path)
    from graphlint.sources.models import read_model

    return read_model(model_or_path, open_layers=open_layers, inputs=inputs)


def impact(model_or_path: Target, at: str, *, inputs: Any = None) -> DrawnImpact:
    """What depends on a part of a model, or of several together.

    Args:
        model_or_path: A ``keras.Model`` or what else `check` takes; or several, in a list or a dict of names.
        at: The address of a layer, variable, call or tensor.
        inputs: What a subclassed model in memory receives, as for `check`.

    Returns:
        For each model the calls and outputs that change if the part is retrained, replaced or quantized, which are lost
        if it is removed; what stops training if it is frozen, or removed. ``print`` writes it as ``graphlint impact``,
        a notebook draws it, and ``.save("impact.html")`` writes a page with all of that marked in the graph.

    Raises:
        GraphlintError: a model cannot be read, the inputs are none, or the address names nothing, or more than one
            thing.
    """
    from graphlint.engine.collection import collection_paused
    from graphlint.model.detach import detach
    from graphlint.model.resolve import resolve
    from graphlint.questions.impact import impact as found
    from graphlint.reports.impact import DrawnImpact

    with collection_paused():
        graph = read_graph(model_or_path, open_layers=True, inputs=inputs)
        node = resolve(graph, at)
        depends = found(graph, node)
        if graph.live:
            detach(graph)
        return DrawnImpact(depends, graph, node)


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
