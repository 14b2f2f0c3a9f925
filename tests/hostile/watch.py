"""Checks files twice in a process of its own and prints what the second time did: ``python -m tests.hostile.watch``.

The first time everything is imported that graphlint needs. The second time nothing may be imported, unmarshalled,
compiled, executed or spawned, and nothing opened but the files themselves.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from click.testing import CliRunner

from graphlint.cli import main

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


def watch(paths: list[str]) -> dict[str, Any]:
    """What a second check of the files did, which modules are loaded, and the exit codes."""
    seen: list[str] = []
    opened: set[str] = set()
    armed = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not armed:
            return
        if event == "open" and isinstance(arguments[0], str):
            opened.add(arguments[0])
        elif event in FORBIDDEN:
            seen.append(f"{event} {str(arguments[:1])[:80]}")

    sys.addaudithook(hook)
    codes = {}
    for armed in (False, True):  # noqa: B007
        for path in paths:
            result = CliRunner().invoke(main, ["check", "--isolated", "--format", "json", path])
            codes[path] = result.exit_code
    armed = False
    return {"events": seen, "opened": sorted(opened), "modules": sorted(sys.modules), "codes": codes}


if __name__ == "__main__":
    json.dump(watch(sys.argv[1:]), sys.stdout)
