"""Models at a URL, read in pieces through fsspec: object stores, web servers, hubs.

Only what is asked for is read, in blocks that grow where reading goes on, and several at once where it jumps. Every
answer is held against the first one: an object that changes in between is an error, and no mixture of both. What may
help somebody else to read it (passwords and signatures in a URL) is in no message.
"""

from __future__ import annotations

import io
import random
import re
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, TypeVar

from graphlint.errors import GraphlintError, UnreadableError, one_line
from graphlint.sources.layout import ARRAYS, CONFIG, SHARDS, WEIGHTS
from graphlint.sources.stored_object import StoredObject, View
from graphlint.sources.urls import protocol_of, shown

if TYPE_CHECKING:
    from graphlint.sources.stored_object import Anywhere

T = TypeVar("T")
_MAGIC = re.compile(r"[*?\[]")
_PARAMETER = re.compile(r"(?i)\b(AWSAccessKeyId|Signature|X-Amz-[a-z-]+|token|password|secret|key)=[^\s&'\"]+")
_OF_FILES = (".keras", ".h5", ".hdf5", ".json", ".npz", ".pb")
_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "hf": "hf",
    "http": "http",
    "https": "http",
}
"""Protocol -> the extra of graphlint that brings what reads it."""
_IDENTITY = ("ETag", "etag", "md5Hash", "generation", "crc32c", "Content-MD5", "blob_id", "VersionId", "created")
_WHEN = ("Last-Modified", "LastModified", "last_modified", "updated", "mtime")
"""What a store says of an object that is another after it was written; the second, where there is none of the first."""

_OF_CONTENT = ("generation", "blob_id", "md5Hash", "Content-MD5")
"""What a store says of one content alone."""
_LEAST_TAG = 8
"""Characters of an `ETag` below which it is no more than a counter."""
_HASH = re.compile(r"[0-9a-f]{32,128}(-\d+)?")
"""An `ETag` that is a hash, or one of several parts as S3 has it."""
_MOST_OBJECTS = 10_000

BLOCK = 1 << 14
"""Bytes of one read where reading jumps."""
_LARGEST = 1 << 23
"""Bytes of one read where reading goes on."""
_KEPT = 1 << 26
"""Bytes of what was read that are kept, to be read again."""
_AT_ONCE = 16
"""Reads that are under way at a time."""
TRIES = 5
FIRST_DELAY = 0.5
"""Seconds before the second try; before each further one twice as many, somewhat more or less."""
TIMEOUT = 60.0
"""Seconds that one read may take."""


def _secrets(url: str) -> Iterator[str]:
    """Parts of a URL that are in no message."""
    user = re.search(r"://([^/@?#]*)@", url)
    if user is not None:
        yield user[1]
        yield from (part for part in user[1].split(":") if len(part) > 3)
    query = url.partition("?")[2]
    if query and protocol_of(url) in ("http", "https"):
        yield query
        yield from (value for part in query.split("&") if len(value := part.partition("=")[2]) > 3)


def cleaned(text: str, url: str) -> str:
    """A message of a library without what `shown` leaves out of a URL."""
    text = text.replace(url, shown(url))
    for secret in _secrets(url):
        text = text.replace(secret, "***")
    text = _PARAMETER.sub(r"\1=***", text)
    return re.sub(r"(://)[^/@\s]*:[^/@\s]*@", r"\1***@", text)


@lru_cache(maxsize=16)
def _filesystem(protocol: str, url: str) -> tuple[Any, str]:
    import fsspec.config

    options: dict[str, Any] = {}
    if protocol in ("http", "https"):
        import aiohttp

        options["client_kwargs"] = {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=TIMEOUT)}
    elif protocol in ("s3", "s3a"):
        own = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
        limits = {"connect_timeout": 15, "read_timeout": TIMEOUT, "retries": {"max_attempts": 1}}
        options["config_kwargs"] = limits | own
    filesystem, path = fsspec.core.url_to_fs(url, **options)
    if protocol in ("s3", "s3a"):
        filesystem.retries = 1
    return filesystem, path


def filesystem_of(url: str) -> tuple[Any, str]:
    """The store of a URL, and what it calls the object.

    Raises:
        UnreadableError: nothing that reads it is installed, or it cannot be reached.
    """
    protocol = protocol_of(url)
    try:
        return _filesystem(protocol, url)
    except ImportError as error:
        extra = _EXTRAS.get(protocol)
        what = f"pip install 'keras-graphlint[{extra}]'" if extra else f"install what fsspec needs ({error})"
        raise UnreadableError(f"{protocol}:// needs a package that is not installed: {what}") from None
    except ValueError as error:
        raise UnreadableError(f"{shown(url)}: {cleaned(one_line(error), url)}") from None
    except Exception as error:
        raise UnreadableError(f"{shown(url)} cannot be reached: {cleaned(one_line(error), url)}") from None


def _status(error: BaseException) -> int | None:
    """The status of an answer that an error tells of."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return found if isinstance(found, int) else None
    for name in ("status", "code", "status_code"):
        found = getattr(error, name, None)
        if isinstance(found, int):
            return found
    # What a library raises in place of the answer of a store.
    cause = error.__cause__
    return _status(cause) if cause is not None and isinstance(getattr(cause, "response", None), dict) else None


_FOR_GOOD = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, NotImplementedError)


class Changed(UnreadableError):
    """An object is another than it was when it was first read."""


class _NoRanges(Exception):
    """A server sends the whole when it is asked for a part."""


def _again(error: BaseException) -> bool:
    """Whether the same read may succeed later."""
    if isinstance(error, (GraphlintError, _NoRanges)):
        return False
    status = _status(error)
    if status is not None:
        return status >= 500 or status in (408, 425, 429)
    if isinstance(error, (*_FOR_GOOD, TypeError, ImportError, AttributeError)):
        return False
    return not (isinstance(error, ValueError) and type(error).__module__ == "builtins")


def _tried(url: str, what: Callable[[], T]) -> T:
    """What a call returns, tried again a few times, later and later, where that may help.

    Raises:
        UnreadableError: it failed each time, or for good.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return what()
        except (GraphlintError, _NoRanges):
            raise
        except Exception as error:
            if not _again(error) or attempt == TRIES:
                raise _unreadable(url, error, attempt) from None
        time.sleep(FIRST_DELAY * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))
    raise AssertionError


def _unreadable(url: str, error: BaseException, tries: int) -> UnreadableError:
    status = _status(error)
    if isinstance(error, FileNotFoundError) or status == 404:
        return UnreadableError(f"there is no {shown(url)}: check the name")
    if isinstance(error, PermissionError) or status in (401, 403):
        return UnreadableError(f"{shown(url)} may not be read: check the credentials ({cleaned(one_line(error), url)})")
    said = "no answer in time" if isinstance(error, TimeoutError) else cleaned(one_line(error), url)
    return UnreadableError(f"{shown(url)} cannot be read ({said}), after {tries} {'try' if tries == 1 else 'tries'}")


class RemoteFile(StoredObject):
    """An object or folder at a URL.

    Raises:
        UnreadableError: nothing that reads it is installed, or the store cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._path = filesystem_of(url)
        self._content: Content | None = None
        self._folder: bool | None = None
        self._inside: list[RemoteFile] = []

    def __str__(self) -> str:
        return shown(self.url)

    @property
    def name(self) -> str:
        return PurePosixPath(shown(self.url).partition("?")[0] if _is_http(self._fs) else self._path).name

    def content(self) -> Content:
        """What is read of it, kept for as long as this is."""
        if self._content is None:
            self._content = Content(self.url, self._fs, self._path)
        return self._content

    def open(self) -> io.RawIOBase:
        return _ContentView(self.content())

    def finish(self) -> None:
        if self._content is not None:
            self._content.finish()
        for inside in self._inside:
            inside.finish()

    def said(self) -> dict[str, dict[str, str]]:
        """What the store says of the object now, or of each one in the folder by its name there; nothing if too much.

        Raises:
            UnreadableError: it cannot be asked.
        """
        if "::" in self.url:
            return {}  # Each of several stores would have to say it.
        if not self.is_dir():
            return {"": _told(self.content().info)}
        self._fs.invalidate_cache()
        inside = _tried(self.url, lambda: self._fs.find(self._path, detail=True))
        if len(inside) > _MOST_OBJECTS:
            return {}
        return {str(name).removeprefix(self._path): _told(info) for name, info in inside.items()}

    def is_file(self) -> bool:
        if self._content is not None:
            return True
        return bool(_tried(self.url, lambda: self._fs.isfile(self._path)))

    def is_dir(self) -> bool:
        if self._folder is None:
            # A web server has no folders, and a store needs a listing to tell: a name with such an ending is a file.
            self._folder = (
                not _is_http(self._fs)
                and self._content is None
                and self.suffix.lower() not in _OF_FILES
                and bool(_tried(self.url, lambda: self._fs.isdir(self._path)))
            )
        return self._folder

    def __truediv__(self, name: str) -> Anywhere:
        return self._beside(f"{self.url.rstrip('/')}/{name}")

    def with_name(self, name: str) -> Anywhere:
        return self._beside(f"{self.url.rpartition('/')[0]}/{name}")

    def _beside(self, url: str) -> RemoteFile:
        """Another object that belongs to the same model."""
        self._inside.append(RemoteFile(url))
        return self._inside[-1]

    def iterdir(self) -> Iterator[Anywhere]:
        for found in sorted(_tried(self.url, lambda: self._fs.ls(self._path, detail=False))):
            yield self / str(found).rstrip("/").rpartition("/")[2]

    def rglob(self, pattern: str) -> Iterator[Anywhere]:
        for found in sorted(_tried(self.url, lambda: self._fs.find(self._path))):
            yield self / str(found).removeprefix(self._path).strip("/")


def _is_http(filesystem: Any) -> bool:
    return type(filesystem).__name__ == "HTTPFileSystem"


class Content:
    """The bytes of one object, in blocks: read as they are asked for, several at once, and held against each other."""

    def __init__(self, url: str, filesystem: Any, path: str) -> None:
        self.url = url
        self.requests = self.bytes = 0
        """Reads that were made, and the bytes that came."""
        self._fs, self._path = filesystem, path
        self._lock = threading.RLock()
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._kept = 0
        self._next = -1
        self._ahead = BLOCK
        self._spool: IO[bytes] | None = None
        self._first: dict[str, str] = {}
        self._read: Callable[[int, int], Any]
        kind = type(filesystem).__name__
        if kind == "HTTPFileSystem":
            self._read = self._read_http
        elif kind == "S3FileSystem":
            self._read = self._read_s3
        else:
            self._read = self._read_any
        self._info = _tried(url, self._ask)
        size = self._info.get("size")
        if self._info.get("type") == "directory":
            raise UnreadableError(f"{shown(url)} is a directory without a model: name a file in it, or a pattern")
        if not isinstance(size, int) or self._info.get("partial") is False:
            self._spool_all()
        else:
            self.size = size

    def __del__(self) -> None:
        spool = getattr(self, "_spool", None)
        if spool is not None:
            spool.close()

    # -- what is said of it -------------------------------------------------------------------------------------

    @property
    def info(self) -> dict[str, Any]:
        """What the store said of the object before it was read."""
        return self._info

    def _ask(self) -> dict[str, Any]:
        """What the store says of the object now."""
        self.requests += 1
        self._fs.invalidate_cache()
        if _is_http(self._fs):
            return dict(self._wait(self._head_http()))
        found = self._wait(self._fs._info(self._path)) if self._fs.async_impl else self._fs.info(self._path)
        return dict(found)

    async def _head_http(self) -> dict[str, Any]:
        session = await self._fs.set_session()
        options = {key: value for key, value in self._fs.kwargs.items() if key != "headers"}
        headers = {**self._fs.kwargs.get("headers", {}), "Accept-Encoding": "identity"}
        address = self._fs.encode_url(self._path)
        async with session.head(address, headers=headers, allow_redirects=True, **options) as answer:
            if answer.status in (403, 405, 501):  # Signed for reading alone, or no such method: the first read tells.
                return await self._first_http(session, address, headers, options)
            answer.raise_for_status()
            return _said(answer.headers, answer.headers.get("Content-Length"))

    async def _first_http(self, session: Any, address: Any, headers: dict[str, str], options: Any) -> dict[str, Any]:
        async with session.get(address, headers={**headers, "Range": "bytes=0-0"}, **options) as answer:
            answer.raise_for_status()
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            return _said(answer.headers, total if answer.status == 206 else None)

    def _wait(self, coroutine: Any) -> Any:
        from fsspec.asyn import sync

        async def run() -> Any:
            return await coroutine

        return sync(self._fs.loop, run, timeout=TIMEOUT)

    def finish(self) -> None:
        """Look whether the object is still what it was when it was first read.

        Raises:
            UnreadableError: it is not, or this cannot be asked.
        """
        before, now = _identity(self._info), _identity(_tried(self.url, self._ask))
        if before != now:
            raise self._changed(before, now)

    def _changed(self, before: dict[str, str], now: dict[str, str]) -> Changed:
        of = next((key for key in before if before[key] != now.get(key)), "size")
        return Changed(
            f"{shown(self.url)} changed while it was read ({of} was {before.get(of)}, is {now.get(of)}): check it again"
        )

    def _hold(self, said: dict[str, str]) -> None:
        """Hold what an answer says of the object against what was said of it before."""
        before = _identity(self._info)
        for key, value in said.items():
            if key in before and before[key] != value:
                raise self._changed(before, said)

    # -- reading ------------------------------------------------------------------------------------------------

    def read_at(self, start: int, size: int) -> bytes:
        """Bytes from a position on; fewer only at the end.

        Raises:
            UnreadableError: they cannot be read, or the object changed.
        """
        with self._lock:
            if self._spool is not None:
                self._spool.seek(start)
                return self._spool.read(size)
            size = min(size, self.size - start)
            if size <= 0:
                return b""
            parts, position, end = [], start, start + size
            while position < end:
                block, at = divmod(position, BLOCK)
                if block not in self._blocks:
                    try:
                        self._load(block, -(-end // BLOCK))
                    except _NoRanges:
                        self._spool_all()
                        return self.read_at(start, size)
                self._blocks.move_to_end(block)
                part = self._blocks[block][at : at + end - position]
                parts.append(part)
                position += len(part)
            self._drop()
            return b"".join(parts)

    def _load(self, block: int, last: int) -> None:
        """Read a block, with those that are needed after it, and more where reading has gone on so far."""
        goes_on = block * BLOCK == self._next
        self._ahead = min(_LARGEST, 2 * self._ahead) if goes_on else BLOCK
        count = max(min(last - block, _LARGEST // BLOCK), self._ahead // BLOCK)
        start = block * BLOCK
        data = self._fetch([(start, min(self.size, start + count * BLOCK))])[0]
        self._next = start + len(data)
        self._keep(block, data)

    def _keep(self, block: int, data: bytes) -> None:
        for offset in range(0, len(data), BLOCK):
            number = block + offset // BLOCK
            if number not in self._blocks:
                self._blocks[number] = data[offset : offset + BLOCK]
                self._kept += len(self._blocks[number])

    def _drop(self) -> None:
        while self._kept > _KEPT:
            _, data = self._blocks.popitem(last=False)
            self._kept -= len(data)

    def prefetch(self, positions: Iterable[int]) -> None:
        """Read the blocks at these positions at once, each as one read with those next to it."""
        with self._lock:
            if self._spool is not None:
                return
            wanted = sorted({position // BLOCK for position in positions if 0 <= position < self.size})
            missing = [block for block in wanted if block not in self._blocks]
            if len(missing) < 2:
                return
            spans: list[tuple[int, int]] = []
            for block in missing:
                start, end = block * BLOCK, min(self.size, (block + 1) * BLOCK)
                if spans and spans[-1][1] == start:
                    spans[-1] = spans[-1][0], end
                else:
                    spans.append((start, end))
            try:
                for (start, _), data in zip(spans, self._fetch(spans), strict=True):
                    self._keep(start // BLOCK, data)
            except _NoRanges:
                self._spool_all()

    def _fetch(self, spans: list[tuple[int, int]]) -> list[bytes]:
        """Several parts of the object, each tried again by itself."""
        if not self._fs.async_impl:
            return [_tried(self.url, lambda span=span: self._checked(*span)) for span in spans]  # type: ignore[misc]
        found: dict[tuple[int, int], bytes] = {}

        def rest() -> None:
            missing = [span for span in spans if span not in found]
            failures: list[BaseException] = []
            for at in range(0, len(missing), _AT_ONCE):
                part = missing[at : at + _AT_ONCE]
                for span, data in zip(part, self._wait(self._gathered(part)), strict=True):
                    if isinstance(data, BaseException):
                        failures.append(data)
                    else:
                        found[span] = data
            if failures:
                raise next((one for one in failures if not _again(one)), failures[0])

        _tried(self.url, rest)
        return [found[span] for span in spans]

    async def _gathered(self, spans: list[tuple[int, int]]) -> list[Any]:
        import asyncio

        return await asyncio.gather(*(self._part(start, end) for start, end in spans), return_exceptions=True)

    async def _part(self, start: int, end: int) -> bytes:
        self.requests += 1
        return self._whole(await self._read(start, end), start, end)

    def _checked(self, start: int, end: int) -> bytes:
        self.requests += 1
        return self._whole(self._fs.cat_file(self._path, start=start, end=end), start, end)

    def _whole(self, data: bytes, start: int, end: int) -> bytes:
        self.bytes += len(data)
        if len(data) != end - start:
            raise OSError(f"got {len(data):,} of {end - start:,} bytes from byte {start:,} on")
        return data

    async def _read_any(self, start: int, end: int) -> bytes:
        found: bytes = await self._fs._cat_file(self._path, start=start, end=end)
        return found

    async def _read_s3(self, start: int, end: int) -> bytes:
        bucket, key, version = self._fs.split_path(self._path)
        more = {"VersionId": version} if version else {}
        if self._info.get("ETag"):
            more["IfMatch"] = self._info["ETag"]
        try:
            answer = await self._fs._call_s3(
                "get_object", Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}", **more
            )
        except Exception as error:
            if _status(error) == 412 or "PreconditionFailed" in str(error) or "pre-conditions" in str(error):
                raise Changed(f"{shown(self.url)} changed while it was read: check it again") from None
            raise
        async with answer["Body"] as body:
            found: bytes = await body.read()
        return found

    async def _read_http(self, start: int, end: int) -> bytes:
        session = await self._fs.set_session()
        options = {key: value for key, value in self._fs.kwargs.items() if key != "headers"}
        headers = {**self._fs.kwargs.get("headers", {}), "Accept-Encoding": "identity"}
        headers["Range"] = f"bytes={start}-{end - 1}"
        async with session.get(self._fs.encode_url(self._path), headers=headers, **options) as answer:
            if answer.status == 200 and (start, end) != (0, self.size):
                raise _NoRanges
            if answer.status == 416:
                raise Changed(f"{shown(self.url)} became shorter while it was read: check it again")
            answer.raise_for_status()
            self._hold(_identity(_said(answer.headers, answer.headers.get("Content-Range", "").rpartition("/")[2])))
            found: bytes = await answer.read()
            return found

    def _spool_all(self) -> None:
        """Take the whole object once, into an unnamed file: the server cannot send a part of it."""

        def load() -> IO[bytes]:
            self.requests += 1
            spool = tempfile.TemporaryFile()  # noqa: SIM115
            try:
                self._wait_long(self._stream(spool)) if _is_http(self._fs) else self._copy(spool)
            except BaseException:
                spool.close()
                raise
            return spool

        self._spool = _tried(self.url, load)
        self.size = self._spool.seek(0, io.SEEK_END)
        known = self._info.get("size")
        if isinstance(known, int) and known != self.size:
            raise UnreadableError(f"{shown(self.url)} was cut off: got {self.size:,} of {known:,} bytes")

    def _wait_long(self, coroutine: Any) -> Any:
        from fsspec.asyn import sync

        async def run() -> Any:
            return await coroutine

        return sync(self._fs.loop, run)

    async def _stream(self, spool: IO[bytes]) -> None:
        session = await self._fs.set_session()
        options = {key: value for key, value in self._fs.kwargs.items() if key != "headers"}
        headers = {**self._fs.kwargs.get("headers", {}), "Accept-Encoding": "identity"}
        async with session.get(self._fs.encode_url(self._path), headers=headers, **options) as answer:
            answer.raise_for_status()
            async for data in answer.content.iter_chunked(1 << 20):
                self.bytes += len(data)
                spool.write(data)

    def _copy(self, spool: IO[bytes]) -> None:
        with self._fs.open(self._path, "rb") as file:
            while data := file.read(1 << 20):
                self.bytes += len(data)
                spool.write(data)


class _ContentView(View):
    def __init__(self, content: Content) -> None:
        super().__init__(content.size)
        self._content = content

    def read_at(self, start: int, size: int) -> bytes:
        return self._content.read_at(start, size)

    def prefetch(self, positions: list[int]) -> None:
        self._content.prefetch(positions)


def _said(headers: Any, size: str | None) -> dict[str, Any]:
    """What the headers of an answer say of an object."""
    found: dict[str, Any] = {"size": int(size) if size and size.isdecimal() else None, "type": "file"}
    if headers.get("Content-Encoding", "identity") not in ("identity", ""):
        found["size"] = None
    if headers.get("Accept-Ranges") == "none":
        found["partial"] = False
    found.update({key: headers[key] for key in ("ETag", "Content-MD5", "Last-Modified") if headers.get(key)})
    return found


def _identity(info: dict[str, Any]) -> dict[str, str]:
    """What tells an object from another one of the same name."""
    found = {key: str(info[key]) for key in _IDENTITY if info.get(key)}
    if not found:
        found = {key: str(info[key]) for key in _WHEN if info.get(key)}
    if isinstance(info.get("size"), int):
        found["size"] = str(info["size"])
    return found


def _told(info: dict[str, Any]) -> dict[str, str]:
    """The identity of an object, and when it was written."""
    return _identity(info) | {key: str(info[key]) for key in _WHEN if info.get(key)}


def tells_content(told: dict[str, str]) -> bool:
    """Whether what a store says of an object is said of no other content.

    An `ETag` that is weak may be, and so may one that a web server makes of size and time.

    >>> tells_content({"generation": "17", "size": "3"}), tells_content({"Last-Modified": "now", "size": "3"})
    (True, False)
    >>> tells_content({"ETag": '"9a0364b9e9"', "size": "3"}), tells_content({"ETag": 'W/"9a0364b9e9"', "size": "3"})
    (True, False)
    >>> tells_content({"ETag": '"65f1c2a0-8e2c"', "size": str(0x8E2C)})
    False
    """
    if any(told.get(key) for key in _OF_CONTENT) or told.get("VersionId", "null") != "null":
        return True
    tag = told.get("ETag") or told.get("etag") or ""
    if not tag or tag.startswith("W/") or "size" not in told:
        return False
    opaque, size = tag.strip('"').lower(), int(told["size"])
    made_of_size = f"{size:x}" in opaque.split("-") or opaque.endswith(_base36(size))
    return len(opaque) >= _LEAST_TAG and not (made_of_size and not _HASH.fullmatch(opaque))


def _base36(number: int) -> str:
    found = ""
    while number or not found:
        number, digit = divmod(number, 36)
        found = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + found
    return found


# -- several --------------------------------------------------------------------------------------------------------


def expanded(url: str, suffixes: tuple[str, ...]) -> list[str]:
    """The URLs that one with a pattern stands for, or that are models in a folder: by name.

    Raises:
        UnreadableError: nothing that reads it is installed, or the store cannot be reached.
    """
    web = protocol_of(url) in ("http", "https")
    pattern = url.partition("?")[0] if web else url
    if "::" in url or (not _MAGIC.search(pattern) and pattern.lower().endswith(_OF_FILES)):
        return [url]
    filesystem, path = filesystem_of(url)
    if _MAGIC.search(pattern):
        found = _tried(url, lambda: filesystem.glob(path))
        return [_full(filesystem, url, name) for name in sorted(found)]
    remote = RemoteFile(url)
    if not (remote.is_dir() or (url.endswith("/") and not web)):
        return [url]
    return list(_models_below(remote, filesystem, path, suffixes))


def _models_below(remote: RemoteFile, filesystem: Any, path: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    names = sorted(_tried(remote.url, lambda: filesystem.find(path)))
    by_folder: dict[str, set[str]] = {}
    for name in names:
        folder, _, last = name.rpartition("/")
        by_folder.setdefault(folder, set()).add(last)
    models = {
        folder
        for folder, inside in by_folder.items()
        if ("saved_model.pb" in inside or "keras_metadata.pb" in inside)
        or (CONFIG in inside and inside & {WEIGHTS, ARRAYS, SHARDS})
    }
    seen: dict[str, None] = {}
    for name in names:
        parents = [str(parent) for parent in PurePosixPath(name).parents]
        inside = next((parent for parent in parents if parent in models), None)
        if inside is not None:
            seen.setdefault(_full(filesystem, remote.url, inside))
        elif name.lower().endswith(suffixes) and "/." not in name.removeprefix(path):
            seen.setdefault(_full(filesystem, remote.url, name))
    yield from seen


def _full(filesystem: Any, url: str, name: str) -> str:
    """The URL of an object that a store lists, spelled as ``url`` is."""
    if _is_http(filesystem):
        return name
    found: str = filesystem.unstrip_protocol(name)
    protocol = url.partition("://")[0]
    return f"{protocol}://{found.partition('://')[2]}"
