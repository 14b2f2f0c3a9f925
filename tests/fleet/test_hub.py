"""Models on a hub: its own client, and a server on this machine that answers what it asks."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

import graphlint
from graphlint.sources import remote
from graphlint.sources.remote import Content, RemoteFile, expanded

DATA = Path(__file__).parents[1] / "data"
GOOD = (DATA / "good.keras").read_bytes()
BAD = (DATA / "bad.keras").read_bytes()
COMMIT = "c" * 40


def blob(data: bytes) -> str:
    """What git calls a file, and a hub too."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def handler(files: dict[str, bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def do_POST(self):
            text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = json.loads(text)["paths"]
            self.say([one for path in ([asked] if isinstance(asked, str) else asked) for one in self.entries(path)])

        def entries(self, path):
            if path in files:
                yield self.file(path)
            elif any(name.startswith(f"{path}/") for name in files):
                yield {"type": "directory", "oid": "d" * 40, "size": 0, "path": path}

        def file(self, path):
            return {"type": "file", "oid": blob(files[path]), "size": len(files[path]), "path": path}

        def answer(self, body):
            path, _, query = unquote(self.path).partition("?")
            where = path.partition("/resolve/")[2] or path.partition("/tree/")[2]
            name = where.partition("/")[2]
            if "/resolve/" in path and name in files:
                self.send_file(files[name], body)
            elif "/tree/" in path:
                below = [one for one in sorted(files) if not name or one.startswith(f"{name}/")]
                tops = {one.removeprefix(name).strip("/").split("/")[0]: one for one in below}
                if "recursive=true" in query.lower():
                    self.say([self.file(one) for one in below])
                else:
                    self.say([entry for top in tops for entry in self.entries(f"{name}/{top}".strip("/"))])
            elif path == "/api/models/me/models" or "/revision/" in path:
                self.say({"id": "me/models", "sha": COMMIT, "private": False, "tags": [], "siblings": []})
            else:
                self.say({"error": "none"}, 404)

        def send_file(self, data, body):
            start, end, asked = 0, len(data), self.headers.get("Range")
            if asked:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, end = int(first), min(len(data), int(last) + 1 if last else len(data))
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
            self.send_header("ETag", f'"{blob(data)}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(end - start))
            self.end_headers()
            if body:
                self.wfile.write(data[start:end])

        def say(self, value, status=200):
            text = json.dumps(value).encode()
            self.send_response(status)
            if status == 404:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    return Handler


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The files of ``hf://me/models``."""
    from huggingface_hub import HfFileSystem

    files: dict[str, bytes] = {"deep/bad.keras": BAD}
    with zipfile.ZipFile(io.BytesIO(BAD)) as archive:
        files |= {f"unpacked/{name}": archive.read(name) for name in archive.namelist()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(files))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    remote._filesystem.cache_clear()
    monkeypatch.setattr(
        remote, "filesystem_of", lambda url_: (HfFileSystem(endpoint=url, token=False), url_.removeprefix("hf://"))
    )
    try:
        yield files
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def codes(report) -> list[str]:
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize("name", ["me/models/deep/bad.keras", "me/models@main/deep/bad.keras", "me/models/unpacked"])
def test_a_model_on_a_hub(hub, name, monkeypatch):
    """It is the model in the file; where the hub says that it is the same, nothing of it is read again."""
    read = []
    whole = Content._whole

    def counting(self, data, start, end):
        read.append(len(data))
        return whole(self, data, start, end)

    monkeypatch.setattr(Content, "_whole", counting)
    for options, expected in (({}, True), ({}, False), ({"preview": True}, False)):
        read.clear()
        (found,) = graphlint.check_many([f"hf://{name}"], cache=True, **options)
        assert codes(found) == codes(graphlint.check(BAD, **options))
        assert bool(read) == expected
    for path in list(hub):
        hub[path] = GOOD if path.endswith(".keras") else zipfile.ZipFile(io.BytesIO(GOOD)).read(path.partition("/")[2])
    (found,) = graphlint.check_many([f"hf://{name}"], cache=True)
    assert not codes(found)


def test_folders_patterns_and_what_is_not_there(hub):
    assert expanded("hf://me/models/**/*.keras", (".keras",)) == ["hf://me/models/deep/bad.keras"]
    assert expanded("hf://me/models", (".keras",)) == ["hf://me/models/deep/bad.keras", "hf://me/models/unpacked"]
    assert "there is no hf://me/models/none.keras" in graphlint.check("hf://me/models/none.keras").findings[0].message


def test_a_blob_that_is_replaced_while_it_is_read(hub):
    place = RemoteFile("hf://me/models/deep/bad.keras")
    place.content().read_at(0, 10)
    hub["deep/bad.keras"] = GOOD
    with pytest.raises(graphlint.UnreadableError, match="blob_id was"):
        place.finish()
