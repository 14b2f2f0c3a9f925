"""What checks many models: this process, processes of graphlint's own, or whatever else runs calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graphlint.errors import GraphlintError, one_line

if TYPE_CHECKING:
    from concurrent.futures import Executor

DASK = "dask://"
PATIENCE = "15s"
"""How long a scheduler may take to answer."""


@contextmanager
def opened(executor: Executor | str | int | None, timeout: float | None) -> Iterator[Executor | None]:
    """An executor as people name it; what is started for it is ended after it was used. None is this process.

    Raises:
        GraphlintError: it is not one, or the cluster cannot be reached.
    """
    if executor is None or (executor == 1 and not isinstance(executor, bool)):
        yield None
        return
    from concurrent.futures import Executor

    from graphlint.fleet.workers import Workers

    if isinstance(executor, bool) or not isinstance(executor, (Executor, str, int, type(None))):
        raise GraphlintError(f"expected an executor, a number of processes or '{DASK}ADDRESS', got {executor!r}")
    if isinstance(executor, int) and executor > 1:
        workers = Workers(executor, timeout=timeout)
        try:
            yield workers
        finally:
            workers.shutdown(cancel_futures=True)
    elif isinstance(executor, str):
        with _cluster(executor) as found:
            yield found
    else:
        yield None if isinstance(executor, int) else executor


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    if not address.startswith(DASK) or address == DASK:
        raise GraphlintError(f"expected an executor as {DASK}HOST:PORT, got {address!r}")
    try:
        from distributed import Client
    except ImportError:
        raise GraphlintError(
            f"{DASK} needs Dask, which is not installed: pip install 'keras-graphlint[dask]'"
        ) from None
    target = address.removeprefix(DASK)
    try:
        client = Client(target if "://" in target else f"tcp://{target}", timeout=PATIENCE, set_as_default=False)
    except Exception as error:
        raise GraphlintError(f"no Dask scheduler answers at {target}: {one_line(error)}") from None
    with client:
        # Not pure: an equal call is another try, and not the same again.
        yield client.get_executor(pure=False)
