"""A web server for files, which sends parts of them and can be told to fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Serving:
    """What is served, by name, and how. The counts are of what was asked for and sent."""

    files: dict[str, bytes | Path] = field(default_factory=dict)
    url: str = ""
    ranges: bool = True
    delay: float = 0.0
    failing: int = 0
    """So many of the next reads are answered with 500."""
    cutting: int = 0
    """So many of the next reads stop in the middle."""
    changing: int | None = None
    """After so many reads everything is another version."""
    tag: str | None = None
    """What every answer says is the ETag; "" is none."""
    password: str | None = None
    conditions: int = 0
    """Reads that were of one version alone, with If-Match."""
    requests: int = 0
    sent: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def etag(self) -> str:
        if self.tag is not None:
            return self.tag
        return '"second"' if self.changing is not None and self.requests > self.changing else '"first"'


def handler(serving: Serving) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            with serving.lock:
                serving.requests += 1
                etag = serving.etag()
                fails = body and serving.failing > 0
                serving.failing -= fails
                cuts = body and not fails and serving.cutting > 0
                serving.cutting -= cuts
            time.sleep(serving.delay)
            content = serving.files.get(self.path.partition("?")[0].lstrip("/"))
            if serving.password is not None and serving.password not in self.path:
                self.refuse(403)
                return
            if content is None or fails:
                self.refuse(500 if fails else 404)
                return
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            wanted = self.headers.get("If-Match")
            if wanted is not None:
                serving.conditions += 1
                if wanted != etag:
                    self.refuse(412)
                    return
            start, end = 0, size
            asked = self.headers.get("Range")
            if asked and serving.ranges and body:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, end = int(first), min(size, int(last) + 1 if last else size)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
            else:
                self.send_response(200)
            if etag:
                self.send_header("ETag", etag)
            self.send_header("Content-Length", str(end - start))
            if serving.ranges:
                self.send_header("Accept-Ranges", "bytes")
            self.end_headers()
            if body:
                self.send(content, start, start + (end - start) // 2 if cuts else end)
                if cuts:
                    self.close_connection = True

        def send(self, content: bytes | Path, start: int, end: int) -> None:
            if isinstance(content, bytes):
                self.wfile.write(content[start:end])
                sent = end - start
            else:
                sent = 0
                with content.open("rb") as file:
                    file.seek(start)
                    while sent < end - start and (part := file.read(min(1 << 20, end - start - sent))):
                        self.wfile.write(part)
                        sent += len(part)
            with serving.lock:
                serving.sent += sent

        def refuse(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return Handler


@contextmanager
def served(**files: bytes | Path) -> Iterator[Serving]:
    """A server on this machine; ``model_keras`` is served as ``model.keras``."""
    serving = Serving({name.replace("_", "."): content for name, content in files.items()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(serving))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    serving.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield serving
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
