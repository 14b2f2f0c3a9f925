"""A process that checks models for another: what it is asked comes on stdin, what it found goes to stdout."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import struct
import sys
from typing import IO, Any

READY = "ready"
"""The first answer: everything is imported, so that a time-out counts what is asked alone."""
SIZE = struct.Struct("<Q")


def send(pipe: IO[bytes], value: Any) -> None:
    """Write one value."""
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(SIZE.pack(len(data)) + data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read one value.

    Raises:
        EOFError: the other process has gone.
    """
    head = pipe.read(SIZE.size)
    if len(head) < SIZE.size:
        raise EOFError
    (size,) = SIZE.unpack(head)
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)


def main() -> None:
    """Serve calls until stdin ends. What they print goes to stderr: stdout is for the answers alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    calls = sys.stdin.buffer
    with contextlib.suppress(Exception):  # Whoever checks under these rules says what is wrong with them.
        from graphlint.fleet.tasks import warm

        warm()
    send(answers, READY)
    while True:
        try:
            function, arguments = receive(calls)
        except EOFError:
            return
        try:
            answer: tuple[bool, Any] = True, function(*arguments)
        except Exception as error:  # It is raised again by the process that asked.
            answer = False, error
        try:
            send(answers, answer)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            send(answers, (False, RuntimeError(f"the answer cannot be sent: {error}")))
