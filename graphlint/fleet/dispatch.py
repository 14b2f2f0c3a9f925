"""Many models over one executor: bounded work in flight, results in order, and nothing lost with a worker."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from graphlint.engine.linter import refused
from graphlint.errors import GraphlintError, UnreadableError, one_line
from graphlint.fleet.checking import check_all, check_one
from graphlint.fleet.in_order import InOrder
from graphlint.fleet.tasks import TIMEOUT, Checked, Outcome, Task
from graphlint.fleet.workers import WorkerLost, Workers, processors
from graphlint.sources.urls import is_url

if TYPE_CHECKING:
    from graphlint.fleet.stores import Place
    from graphlint.reports.report import ModelReport

_TRIES = 3
"""How often a model is tried whose worker was lost. The first time it may have died of another one."""
_LATE = 2
"""How often a model is tried that takes too long."""
_WORTHWHILE = 2.5
"""Estimated seconds of work from which processes are started: each takes about 0.4 s to start."""
_PER_MODEL, _PER_BYTE = 0.01, 1 / 250e6
_SECONDS = 0.1
"""What one call of a worker should take: calls cost little next to it, and the last ones end together."""
_FIRST, _MOST = 4, 64
"""Models in one call."""
_AHEAD = 1024
"""Models of which the reports may wait for that of one before them."""


def check_guarded(tasks: Sequence[Task], attempt: int, timeout: float | None) -> Outcome:
    """The same as `check_all` in a process of its own, which may die without harm to this one."""
    outcome: Outcome = _guard(timeout).submit(check_all, tuple(tasks), attempt).result()
    return outcome


_guards: dict[float | None, Workers] = {}


def _guard(timeout: float | None) -> Workers:
    """The processes of this one that outlive a call."""
    found = _guards.get(timeout)
    if found is None:
        found = _guards[timeout] = Workers(processors(), timeout=timeout)
    return found


@dataclass(slots=True)
class _Slot:
    """Some models that stand next to each other. ``missing`` are those not yet reported."""

    tasks: list[Task]
    places: list[Place | None]
    reports: list[ModelReport | None]
    missing: int = 0


@dataclass(slots=True)
class _Call:
    slot: _Slot
    indices: list[int]
    attempt: int
    since: float | None = None
    """When it was first seen to run."""


@dataclass
class Dispatch(InOrder):
    """Checks models, in order.

    ``executor`` None is this process alone, one model after another. `Workers` start only if there is enough to do. Any
    other executor gets everything; where it breaks, or a model is lost in it, that is checked in processes of
    graphlint's own. ``timeout`` are the seconds that one model may take; there is none in this process.
    """

    executor: Executor | None = None
    timeout: float | None = TIMEOUT
    _calls: dict[Future[Any], _Call] = field(default_factory=dict)
    _slots: deque[_Slot] = field(default_factory=deque)
    _rescue: Workers | None = None
    _size: float = _FIRST
    _stuck: int = 0
    _held: list[_Call] = field(default_factory=list)
    _estimate: float = 0.0
    _submitted: bool = False

    def reports(self, tasks: Iterable[Task]) -> Iterator[ModelReport]:
        """One report for each model, in order. What was not asked for is not checked: this is lazy."""
        if self.executor is None:
            yield from super().reports(tasks)
            return
        remote = _is_dask(self.executor)
        self._remote = remote
        self._own = isinstance(self.executor, Workers)
        self._submitted = isinstance(self.executor, Workers) and self.executor.started
        self._width = _width(self.executor)
        try:
            yield from self._ordered(iter(tasks))
        finally:
            for future in self._calls:
                future.cancel()
            if self._rescue is not None:
                self._rescue.shutdown(cancel_futures=True)

    # -- in order -----------------------------------------------------------------------------------------------

    def _ordered(self, tasks: Iterator[Task]) -> Iterator[ModelReport]:
        exhausted = False
        while True:
            while not exhausted and self._room():
                exhausted = not self._take(tasks)
            if exhausted and self._held:
                self._run_held()
            while self._slots and not self._slots[0].missing:
                for report in self._slots.popleft().reports:
                    assert report is not None
                    yield report
            if self._calls:
                self._wait()
            elif exhausted and not self._slots:
                return

    def _room(self) -> bool:
        waiting = sum(len(slot.tasks) for slot in self._slots)
        return len(self._calls) < 2 * self._width and waiting < _AHEAD

    def _take(self, tasks: Iterator[Task]) -> bool:
        """Take the next models, as many as one call should have that are not known; whether there were any."""
        slot = _Slot([], [], [])
        new: list[int] = []
        for task in tasks:
            place = None if self.cache is None or task.done is not None else self.cache.place(task)
            report = task.done if task.done is not None else self._known(place)
            slot.tasks.append(self._kept(task, place))
            slot.places.append(place)
            slot.reports.append(report)
            if report is None:
                new.append(len(slot.tasks) - 1)
                if len(new) >= self._size:
                    break
            if len(slot.tasks) >= _AHEAD // 4:
                break
        if not slot.tasks:
            return False
        slot.missing = len(new)
        self._slots.append(slot)
        if new:
            self._queue(_Call(slot, new, 1))
        return True

    def _queue(self, call: _Call) -> None:
        """Submit a call, or keep it until there is enough to do for processes to be started."""
        if not self._own or self._submitted:
            self._submit(call)
            return
        self._held.append(call)
        self._estimate += sum(_estimate(call.slot.tasks[index]) for index in call.indices)
        if self._estimate >= _WORTHWHILE:
            self._submitted = True
            held, self._held = self._held, []
            for each in held:
                self._submit(each)

    def _run_held(self) -> None:
        """So little that it is done here before a process would have started."""
        held, self._held = self._held, []
        for call in held:
            for index in call.indices:
                self._put(call.slot, index, check_one(call.slot.tasks[index]))
        self._written()

    def _put(self, slot: _Slot, index: int, checked: Checked) -> None:
        slot.reports[index] = checked.report
        slot.missing -= 1
        self._keep(slot.places[index], checked)
        slot.places[index] = None

    # -- calls --------------------------------------------------------------------------------------------------

    def _submit(self, call: _Call) -> None:
        tasks = tuple(call.slot.tasks[index] for index in call.indices)
        again = call.attempt > 1 and not self._remote and not self._own
        executor = self._rescuers() if again else self.executor
        assert executor is not None
        try:
            if self._remote:
                far = tuple(replace(task, source=_anywhere(task.source)) for task in tasks)
                future = executor.submit(check_guarded, far, call.attempt, self.timeout)
            else:
                future = executor.submit(check_all, tasks, call.attempt)
        except Exception as error:
            if self._own or again:
                raise
            if self._remote:
                raise GraphlintError(f"the Dask cluster takes no more work: {one_line(error)}") from error
            self._replace()
            self._submit(call)
            return
        self._calls[future] = call

    def _rescuers(self) -> Workers:
        """Processes of graphlint's own for what another executor lost."""
        if self._rescue is None:
            self._rescue = Workers(min(self._width, processors()), timeout=self.timeout)
        return self._rescue

    def _replace(self) -> None:
        """Go on in processes of graphlint's own: the executor is broken, or each of its workers hangs."""
        self.executor, self._own, self._submitted = self._rescuers(), True, True
        for future, call in list(self._calls.items()):
            if call.attempt == 1 and future.cancel():
                del self._calls[future]
                self._submit(call)

    def _wait(self) -> None:
        watched = not self._own and not self._remote and self.timeout is not None
        done, _ = wait(self._calls, 1.0 if watched else None, FIRST_COMPLETED)
        for future in done:
            call = self._calls.pop(future, None)
            if call is not None:
                self._receive(future, call)
        if watched:
            self._look_for_late()

    def _receive(self, future: Future[Any], call: _Call) -> None:
        try:
            outcome: Outcome = future.result()
        except CancelledError as error:
            self._lost(call, error)
        except Exception as error:  # Of the executor, not of a model: those become findings.
            self._lost(call, error)
        else:
            if outcome.seconds > 0:
                self._size = max(1.0, min(_MOST, 2 * self._size, _SECONDS / outcome.seconds))
            for index, checked in zip(call.indices, outcome.checked, strict=True):
                self._put(call.slot, index, checked)

    def _look_for_late(self) -> None:
        assert self.timeout is not None
        now = time.monotonic()
        for future, call in list(self._calls.items()):
            if call.since is None:
                call.since = now if future.running() else None
            elif now - call.since > self.timeout and call.attempt == 1:
                del self._calls[future]
                self._stuck += 1
                self._lost(call, WorkerLost(f"it took more than {self.timeout:g} s", True))
        if self._stuck >= self._width and not self._own:
            self._replace()

    def _lost(self, call: _Call, error: BaseException) -> None:
        """Try the models of a call again, each on its own; a model that was tried often enough is a finding."""
        most = _LATE if isinstance(error, WorkerLost) and error.late else _TRIES
        for index in call.indices:
            if len(call.indices) == 1 and call.attempt >= most:
                self._put(call.slot, index, _unfinished(call.slot.tasks[index], error, call.attempt))
            else:
                self._submit(_Call(call.slot, [index], call.attempt + 1))


def _unfinished(task: Task, error: BaseException, tries: int) -> Checked:
    message = f"its check did not come to an end in {tries} tries ({one_line(error)}): it was not checked"
    return Checked(replace(refused(task.shown, UnreadableError(message)), fail_on=task.settings.config.fail_on))


def begin(executor: Executor, models: int) -> None:
    """Start processes early where so many models are worth it, if none of them is known."""
    if isinstance(executor, Workers) and models * _PER_MODEL >= _WORTHWHILE:
        executor.start()


def _estimate(task: Task) -> float:
    """The seconds that a model is likely to take."""
    try:
        return _PER_MODEL + os.stat(task.source).st_size * _PER_BYTE  # noqa: PTH116
    except (OSError, TypeError, ValueError):
        return _PER_MODEL


def _anywhere(source: Any) -> Any:
    """A path as a process in another directory has to be given it."""
    return os.path.abspath(source) if isinstance(source, str) and not is_url(source) else source  # noqa: PTH100


def _is_dask(executor: Executor) -> bool:
    return type(executor).__module__.partition(".")[0] == "distributed"


def _width(executor: Executor) -> int:
    """How many calls an executor runs at a time."""
    if isinstance(executor, Workers):
        return executor.count
    if _is_dask(executor):
        client: Any = getattr(executor, "_client", None)
        return max(1, sum(client.nthreads().values())) if client is not None else processors()
    return getattr(executor, "_max_workers", None) or processors()
