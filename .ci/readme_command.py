"""Prints the command in README.md's fenced block that follows the line ``<!-- ci: NAME -->``."""

import re
import sys
from pathlib import Path


def command(readme: str, name: str) -> str:
    found = re.search(rf"^<!-- ci: {re.escape(name)} -->\n+```\w*\n(.+?)\n```$", readme, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit(f"README.md has no fenced block after a line '<!-- ci: {name} -->'")
    return found[1]


if __name__ == "__main__":
    print(command(Path("README.md").read_text(encoding="utf-8"), sys.argv[1]))
