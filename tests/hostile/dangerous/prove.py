"""Proves the cases on released Keras: ``python -m tests.hostile.dangerous.prove FOLDER [RELEASE]...``.

Makes an environment for each release below FOLDER, unless there is one, loads every case that has a payload in it, and
writes which canaries changed to ``proof.json`` beside this file. The payloads do nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections import Counter
from pathlib import Path

from tests.hostile.dangerous.case import RELEASES
from tests.hostile.dangerous.cases import CASES

PROOF = Path(__file__).with_name("proof.json")
ROOT = Path(__file__).parents[3]
_PACKAGES = {
    "2.15": ["tensorflow-cpu==2.15.1"],
    "3.0": ["keras==3.0.5", "tensorflow-cpu"],
    "3.3": ["keras==3.3.3", "tensorflow-cpu"],
    "3.8": ["keras==3.8.0", "tensorflow-cpu"],
    "3.15": ["keras==3.15.1", "tensorflow-cpu"],
}


def interpreter(folder: Path, release: str) -> Path:
    """The Python of the environment of a release, which is made where it is not there."""
    python = folder / release / "bin" / "python"
    if not python.exists():
        venv.create(folder / release, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *_PACKAGES[release]], check=True)
    return python


def prove(folder: Path, release: str) -> dict[str, str]:
    """How each case that has a payload fires in a release: ``by default``, ``with safe_mode=False``, or ``no``."""
    result = subprocess.run(
        [interpreter(folder, release), "-m", "tests.hostile.dangerous.load"],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line[1:]) for line in result.stdout.split("\n") if line.startswith("@{")]
    expected = [name for name, case in CASES.items() if case.payload]
    if [line["case"] for line in lines] != expected:
        sys.exit(f"{release}: {len(lines)} of {len(expected)} cases were tried: {result.stderr[-2000:]}")
    for line in lines:
        if os.environ.get("VERBOSE"):
            print(f"{release}: {line['case']}: {line['fires'] or line['raised'] or 'nothing'}")
    return {line["case"]: line["fires"] or "no" for line in lines}


def main() -> None:
    """Prove, and write the table."""
    folder, *releases = sys.argv[1:]
    for release in releases or RELEASES:
        fired = prove(Path(folder).absolute(), release)
        print(f"{release}: {Counter(fired.values())}")
        proof = {**json.loads(PROOF.read_text()), release: fired}
        PROOF.write_text(json.dumps({key: proof[key] for key in sorted(proof, key=RELEASES.index)}, indent=1) + "\n")


if __name__ == "__main__":
    main()
