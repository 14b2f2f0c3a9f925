"""Processes of graphlint's own, as an executor that outlives each of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import IO, Any

from graphlint.errors import GraphlintError
from graphlint.fleet.worker import receive, send

_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from graphlint.fleet.worker import main; main()"
_FLAGS = (
    ("dont_write_bytecode", "-B"),
    ("ignore_environment", "-E"),
    ("isolated", "-I"),
    ("no_user_site", "-s"),
    ("no_site", "-S"),
)
_START_TIMEOUT = 300.0
"""Seconds until a process that does not come up is given up."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "process_cpu_count"):
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerLost(GraphlintError):
    """A process ended before it answered; ``late``, because it took too long and was ended."""

    def __init__(self, message: str, late: bool = False) -> None:
        super().__init__(message, late)
        self.late = late

    def __str__(self) -> str:
        return str(self.args[0])


class Workers(Executor):
    """Processes that check models. Each starts when it is first needed, and is replaced if it dies.

    Unlike a `concurrent.futures.ProcessPoolExecutor` it goes on after a process was killed, ends one that takes longer
    than ``timeout`` seconds over a call (None: it may take forever), and does not import the main module of the
    program, so that a script needs no ``if __name__ == "__main__"``. What is submitted has to be importable.

    Args:
        count: The most processes at a time; None is the number of processors.
    """

    def __init__(self, count: int | None = None, *, timeout: float | None = None) -> None:
        self.count = processors() if count is None else max(1, count)
        self.timeout = timeout
        self._calls: SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._waiting = 0
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function in one of the processes.

        Raises:
            RuntimeError: this was shut down.
        """
        if kwargs:
            raise TypeError("expected positional arguments only")
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._waiting += 1
            if len(self._threads) < min(self.count, self._waiting):
                self._add_thread()
            self._calls.put((future, fn, args))
        return future

    def start(self) -> None:
        """Start all of them now, while something else is done: there will be enough to do."""
        with self._lock:
            while not self._closed and len(self._threads) < self.count:
                self._add_thread()

    @property
    def started(self) -> bool:
        """Whether a process was started, or is about to be."""
        return bool(self._threads)

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._serve, name="graphlint-worker", daemon=True)
        self._threads.append(thread)
        thread.start()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with ``cancel_futures`` at once, whatever they are doing."""
        with self._lock:
            self._closed = True
            threads, running = list(self._threads), list(self._running)
        if cancel_futures:
            while not self._calls.empty():
                call = self._calls.get()
                if call is not None:
                    call[0].cancel()
            for process in running:
                process.kill()
        for _ in threads:
            self._calls.put(None)
        if wait:
            for thread in threads:
                thread.join()

    def _serve(self) -> None:
        process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(WorkerLost, OSError):  # The first call says why it cannot be started.
            process = self._start()
        while (call := self._calls.get()) is not None:
            future, function, arguments = call
            if future.set_running_or_notify_cancel():
                try:
                    if process is None:
                        process = self._start()
                    succeeded, answer = self._ask(process, (function, arguments))
                except BaseException as error:
                    self._end(process)
                    process = None
                    future.set_exception(error)
                else:
                    (future.set_result if succeeded else future.set_exception)(answer)
            del future, call
            with self._lock:
                self._waiting -= 1
        self._end(process)

    def _start(self) -> subprocess.Popen[bytes]:
        flags = [flag for name, flag in _FLAGS if getattr(sys.flags, name)]
        flags += [f"-W{option}" for option in sys.warnoptions]
        path = json.dumps([entry for entry in sys.path if entry])
        # Like -P for the path of this process: a file in the current directory may have the name of any module.
        command = [sys.executable, "-P", *flags, "-c", _START, path]
        environment = dict.fromkeys(_THREADS, "1") | os.environ
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        with self._lock:
            self._running.add(process)
            closed = self._closed
        if closed:
            process.kill()
        try:
            self._within(process, _START_TIMEOUT, lambda calls, answers: receive(answers))
        except BaseException:
            self._end(process)
            raise
        return process

    def _ask(self, process: subprocess.Popen[bytes], call: Any) -> tuple[bool, Any]:
        def ask(calls: IO[bytes], answers: IO[bytes]) -> Any:
            send(calls, call)
            return receive(answers)

        answer: tuple[bool, Any] = self._within(process, self.timeout, ask)
        return answer

    def _within(
        self, process: subprocess.Popen[bytes], timeout: float | None, talk: Callable[[IO[bytes], IO[bytes]], Any]
    ) -> Any:
        """What a process says, which is ended if it takes too long over it."""
        assert process.stdin is not None and process.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = None if timeout is None else threading.Timer(timeout, end)
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            return talk(process.stdin, process.stdout)
        except (EOFError, OSError):
            if late.is_set():
                raise WorkerLost(f"it took more than {timeout:g} s", True) from None
            raise WorkerLost(_ended(process.wait())) from None
        finally:
            if timer is not None:
                timer.cancel()

    def _end(self, process: subprocess.Popen[bytes] | None) -> None:
        if process is None:
            return
        with self._lock:
            self._running.discard(process)
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # What was not yet sent to a process that has gone.
                    continue
        process.wait()


def _ended(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"its process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"its process was killed by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")
