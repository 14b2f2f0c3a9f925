"""Runs every command on files twice in a process of its own and prints what the second time did.

``python -m tests.hostile.watch WAY OUT GOOD PATH...``. The first time everything is imported that graphlint needs. The
second time nothing may be imported, unmarshalled, compiled, executed or spawned, and nothing opened but the files
themselves, and private copies of them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

from click.testing import CliRunner

from graphlint.cli import main
from graphlint.fleet import dispatch

FORBIDDEN = (
    "import",
    "exec",
    "compile",
    "marshal.loads",
    "pickle.find_class",
    "ctypes.dlopen",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "shutil.unpack_archive",
    "socket.connect",
    "urllib.Request",
)


PATH, GOOD, OUT = "{PATH}", "{GOOD}", "{OUT}"
WAYS = {
    "check": ["check", "--isolated", "--no-cache", "--format", "json", PATH],
    "check, cached": ["check", "--isolated", "--format", "json", PATH],
    "check -j": ["check", "--isolated", "--no-cache", "--format", "json", "-j", "2", PATH, GOOD],
    "graph": ["graph", "--isolated", PATH],
    "graph --format json": ["graph", "--isolated", "--format", "json", PATH],
    "show": ["show", PATH],
    "diff": ["diff", "--no-findings", GOOD, PATH],
    "fix": ["fix", "--isolated", "--diff", PATH],
    "split": ["split", PATH, "--at", "x", "-o", OUT],
    "impact": ["impact", PATH, "--at", "x"],
    "extract": ["extract", PATH, "--outputs", "x", "-o", f"{OUT}.keras"],
}
"""Every command that reads a model. One that is not here makes a test fail."""
WITHOUT_MODELS = {"cache", "config", "rule", "rules"}
_OF_COPIES = ("os.remove", "os.mkdir")


def watch(way: str, out: str, good: str, paths: list[str]) -> dict[str, Any]:
    """What a second run on the files did, which modules are loaded, and the exit codes."""
    seen: list[str] = []
    opened: set[str] = set()
    armed = False
    private = f"{tempfile.gettempdir()}/graphlint-"

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not armed:
            return
        if event == "open" and isinstance(arguments[0], str):
            if not arguments[0].startswith(private):
                opened.add(arguments[0])
        elif event in FORBIDDEN and not (event in _OF_COPIES and _is_private(arguments, private)):
            seen.append(f"{event} {str(arguments[:1])[:80]}")

    sys.addaudithook(hook)
    dispatch._WORTHWHILE = 0.0  # Processes start however little there is to do.
    codes = {}
    for armed in (False, True):  # noqa: B007
        for path in paths:
            words = {PATH: path, GOOD: good, OUT: out, f"{OUT}.keras": f"{out}.keras"}
            result = CliRunner().invoke(main, [words.get(word, word) for word in WAYS[way]])
            codes[path] = result.exit_code
    armed = False
    return {"events": seen, "opened": sorted(opened), "modules": sorted(sys.modules), "codes": codes}


def _is_private(arguments: tuple[Any, ...], private: str) -> bool:
    """Whether a folder or file of a private copy is meant; within it, files are named below its descriptor."""
    path, descriptor = str(arguments[0]), arguments[-1]
    return path.startswith(private) or (isinstance(descriptor, int) and descriptor > 2 and "/" not in path)


if __name__ == "__main__":
    json.dump(watch(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]), sys.stdout)
