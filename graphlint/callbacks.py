"""Callbacks for `fit`."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from graphlint.engine.config import Config
from graphlint.engine.configuring import load_config
from graphlint.engine.linter import LIVE, Linter
from graphlint.engine.rule import Need
from graphlint.engine.selection import Selection
from graphlint.errors import GraphlintError, WatchError
from graphlint.findings.finding import Finding
from graphlint.knowledge import keras_internals
from graphlint.model.graph import ModelGraph
from graphlint.model.observations import Observations
from graphlint.observing.observe import fixed_rows, observe
from graphlint.observing.training import Steps, Sums, batch_of
from graphlint.reports import render
from graphlint.reports.report import ModelReport, Report

_SHARE = 0.02
"""Share of the time of training that looks after the first may take."""


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Checks a model before `fit` trains it, on the first batch, from time to time, and at the end.

    Before the first step the whole check runs; on the first batch, every so many steps, and on the last batch after
    training, the rules on data. If a loss becomes NaN or infinite, the steps since the last copy of the state run again
    up to the one that went wrong: the report names the layer where it began, the training stops, and the model keeps
    the values from before that step. At the end it is compared which variables moved. Otherwise the model and its
    training are what they would be, but for the rounding of a smaller last batch on TensorFlow, which compiles each
    size of a batch for itself.

    Between two copies of the state the batches are held, 8 to 64 of them. Under a distribution strategy of TensorFlow,
    a look is at what the first device receives. Where `fit` runs in a way in which no batch is seen, the report says
    that the rules on data did not run.

    Args:
        action: What happens when something is found at or above ``fail_on``: ``"warn"``, or ``"raise"``.
        fail_on: ``"error"``, ``"warning"``, ``"info"`` or ``"never"``.
        every: Steps between two looks at a batch; by default as many as it takes for the looks after the first to cost
            2 % of the time.
        report: Where the report is written at the end: as a page for ``.html``, as JSON for ``.json``, else as text.
        select, ignore, extend_select, preview, config: As of `graphlint.check`.
        name: What the report calls the model.

    ``watch.report`` is the report so far, ``watch.seconds`` the time that was spent.

    Raises:
        WatchError: something was found, with ``action="raise"``; in `fit`.
        GraphlintError: the configuration cannot be used, or an argument.
    """

    def __init__(
        self,
        action: str = "warn",
        *,
        fail_on: str = "warning",
        every: int | None = None,
        report: str | os.PathLike[str] | None = None,
        select: str | Iterable[str] | None = None,
        ignore: str | Iterable[str] | None = None,
        extend_select: str | Iterable[str] | None = None,
        preview: bool | None = None,
        config: str | os.PathLike[str] | Config | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        _one_of("action", action, ("warn", "raise"))
        _one_of("fail_on", fail_on, ("error", "warning", "info", "never"))
        if every is not None and (not isinstance(every, int) or every < 1):
            raise GraphlintError(f"expected every= as a number of steps from 1, got {every!r}")
        settings = config if config is None or isinstance(config, Config) else load_config(Path(config))
        selection = Selection.of(select, extend_select=extend_select, ignore=ignore)
        self.action, self.fail_on, self.every = action, fail_on, every
        self.path = None if report is None else Path(report)
        self.name = name or LIVE
        self._linter = Linter(settings, selection, preview=preview, data=True)
        self._clear()

    def _clear(self) -> None:
        self._models: list[ModelReport] = []
        self._graph: ModelGraph | None = None
        self._steps: Steps | None = None
        self._sums: Sums | None = None
        self._broken: int | None = None
        self._losses: list[float | None] = [None, None]
        self._looks = 0
        self._next = 0
        self._looked_at = 0.0
        self._cost = 0.0
        self._first = 0.0
        self._before = 0.0

    @property
    def report(self) -> Report:
        """What was found so far."""
        return self._linter.report(self._together())

    @property
    def seconds(self) -> float:
        """The time that was spent on checks and copies."""
        return self._before + (self._steps.seconds if self._steps is not None else 0.0)

    @property
    def seconds_while_training(self) -> float:
        """The part of it that comes again and again: without the check before training and the first look."""
        return (self._steps.seconds if self._steps is not None else 0.0) - self._first

    # -- as Keras calls it --------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Any = None) -> None:
        start = time.perf_counter()
        model = self.model
        self._clear()
        if isinstance(getattr(model, "train_function", None), Steps):
            model.train_function.remove()
        if keras_internals.all_built(model):
            self._begin()
        self._steps = Steps(model, self._due, self._look_at, self._went_wrong)
        self._steps.install()
        self._before = time.perf_counter() - start

    def _begin(self) -> None:
        """The whole check, of a model that has its variables."""
        found = self._linter.check_model(self.model, self.name)
        self._graph = found.graph
        self._sums = Sums(self.model.variables)
        self._add(found)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._steps is not None:
            self._steps.finish()
        loss = (logs or {}).get("loss")
        self._losses[1] = float(loss) if isinstance(loss, (int, float)) else None

    def on_train_end(self, logs: Any = None) -> None:
        steps = self._steps
        if steps is None:
            return
        steps.remove()
        start = time.perf_counter()
        if self._graph is None:
            self._begin()
        elif self._broken is None:
            last = steps.last_batch
            if last is not None:
                with keras_internals.distributing(self.model):
                    self._look_at(last)
            self._compare(self._graph)
        if self.path is not None:
            formats = {".html": "html", ".json": "json"}
            text = render(self.report.listing("info"), formats.get(self.path.suffix, "full"))
            self.path.write_text(text + "\n", encoding="utf-8")
        self._before += time.perf_counter() - start

    # -- looks --------------------------------------------------------------------------------------------------

    def _due(self, step: int) -> bool:
        if self.every is not None or not self._looks:
            return step >= self._next
        return (time.perf_counter() - self._looked_at) * _SHARE > self._cost

    def _look_at(self, data: Any) -> None:
        assert self._steps is not None
        start = time.perf_counter()
        if not self._looks:
            keras_internals.build_for_training(self.model, data)
        if self._graph is None:
            self._begin()
        assert self._graph is not None
        self._graph.observations = observe(self._graph, self.model, batch_of(data, fixed_rows(self.model)))
        self._graph.observations.first_loss = self._losses[0]
        self._rules(Need.DATA)
        self._looked_at = time.perf_counter()
        self._cost = self._looked_at - start
        if not self._looks:
            self._first = self._cost
            self._losses[0] = self._graph.observations.loss
        self._looks += 1
        self._next = self._steps.step + (self.every or 1)

    def _went_wrong(self, step: int, data: Any) -> None:
        assert self._graph is not None
        self._broken = step
        self._graph.observations = observe(self._graph, self.model, batch_of(data, fixed_rows(self.model)))
        self._rules(Need.DATA, at=f"in step {step:,}: ")

    def _compare(self, graph: ModelGraph) -> None:
        assert self._steps is not None and self._sums is not None
        seen = graph.observations or Observations(
            rows=0, no_targets="no batch was seen", no_gradients="no batch was seen"
        )
        moved = self._sums.movement(graph, self._steps.step, self._broken)
        seen.movement = replace(moved, loss_before=self._losses[0], loss_after=self._losses[1])
        graph.observations = seen
        self._rules(Need.STEPS)
        if not self._looks:
            self._rules(Need.DATA)

    def _rules(self, need: Need, at: str = "") -> None:
        """Run the rules that need this on the graph as it is now."""
        assert self._graph is not None
        rules, self._linter.rules = self._linter.rules, [one for one in self._linter.rules if need in one.needs]
        try:
            found = self._linter.check_graph(self._graph, self.name)
        finally:
            self._linter.rules = rules
        if at:
            found = replace(found, findings=tuple(replace(one, message=at + one.message) for one in found.findings))
        self._add(found)

    # -- findings -----------------------------------------------------------------------------------------------

    def _add(self, found: ModelReport) -> None:
        known = {_key(one) for model in self._models for one in model.findings}
        new = [one for one in found.findings if _key(one) not in known]
        self._models.append(found)
        bad = Report((replace(found, findings=tuple(new), opaque=(), skipped_rules=(), parameters=None, loaded=None),))
        if bad.exit_code(self.fail_on):
            text = str(self._linter.report(bad.models).listing("info" if self.fail_on == "info" else None))
            if self.action == "raise":
                if self._steps is not None:
                    self._steps.remove()
                raise WatchError(text)
            warnings.warn(text, stacklevel=2)

    def _together(self) -> list[ModelReport]:
        if not self._models:
            return []
        first = self._models[0]
        findings: dict[Any, Finding] = {}
        for model in self._models:
            for one in model.findings:
                findings.setdefault(_key(one), one)
        ran = dict.fromkeys(code for model in self._models for code in model.ran)
        skipped = {one.code: one for model in self._models for one in model.skipped_rules if one.code not in ran}
        ordered = sorted(findings.values(), key=lambda one: one.severity.rank)
        return [replace(first, findings=tuple(ordered), ran=tuple(ran), skipped_rules=tuple(skipped.values()))]


def _key(found: Finding) -> tuple[Any, ...]:
    return found.code, found.location.address if found.location is not None else None


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise GraphlintError(f"expected {name}= as one of {', '.join(known)}, got {value!r}")


__all__ = ["Watch"]
