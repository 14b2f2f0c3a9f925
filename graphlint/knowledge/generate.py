"""Writes the tables of released Keras: ``python -m graphlint.knowledge.generate``.

Without a release it takes the newest of the package index. A release is a version (``3.6`` is the last of 3.6), a
wheel, or a folder that holds the package ``keras``, installed or not. Its column replaces the one in the tables, or
becomes a new one; the other columns stay. Those of Keras 2, which gets no more releases, are data: they were written
once, and this cannot read them again.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from graphlint.errors import GraphlintError
from graphlint.knowledge.patches import PATCHES
from graphlint.knowledge.release_sources import KerasSources
from graphlint.knowledge.tables import (
    KINDS,
    Defaults,
    Facts,
    column_of,
    parse_columns,
    parse_defaults,
    parse_table,
    render_defaults,
    render_table,
)

TABLES = Path(__file__).with_name("tables")
_NEXT = """
What to do (CONTRIBUTING.md, "A new Keras release"): run `python -m graphlint.knowledge.generate`, then the tests of
tests/knowledge, and fill the rows they name."""


class Tables:
    """All columns of the tables in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.versions = parse_columns((folder / "releases.txt").read_text())
        releases = tuple(self.versions)
        tables = {kind: parse_table((folder / f"{kind}.txt").read_text(), releases) for kind in KINDS}
        self.columns: dict[str, Facts] = {
            release: {kind: column_of(table, index) for kind, table in tables.items()}
            for index, release in enumerate(releases)
        }
        self.defaults = parse_defaults((folder / "defaults.txt").read_text())

    def put(self, version: str, facts: Facts, defaults: Defaults) -> list[str]:
        """Replaces or adds the column of a release; returns what that changes, one line each.

        Defaults are those of the newest release.
        """
        release = ".".join(version.split(".")[:2])
        known = sorted({*self.columns, release}, key=_order)
        before = release if release in self.columns else known[known.index(release) - 1]
        patched = patch(facts, release)
        changes = list(differences(self.columns[before], patched))
        if release not in self.columns:
            changes.insert(0, f"Keras {release} is not in the tables; against {before}:")
        if release == known[-1]:
            old, new = render_defaults(self.defaults).splitlines(), render_defaults(defaults).splitlines()
            changes += [f"defaults: {line} is gone" for line in sorted(set(old) - set(new))]
            changes += [f"defaults: {line} is new" for line in sorted(set(new) - set(old))]
            self.defaults = defaults
        self.versions[release] = version
        self.columns[release] = patched
        self.versions = {name: self.versions[name] for name in known}
        self.columns = {name: self.columns[name] for name in known}
        return changes

    def write(self) -> None:
        """Writes every table into the folder."""
        for kind in KINDS:
            columns = {release: facts[kind] for release, facts in self.columns.items()}
            (self.folder / f"{kind}.txt").write_text(render_table(columns))
        (self.folder / "defaults.txt").write_text(render_defaults(self.defaults))
        versions = "".join(f"{release} {version}\n" for release, version in self.versions.items())
        (self.folder / "releases.txt").write_text(versions)


def patch(facts: Facts, release: str) -> Facts:
    """What a release has, with the corrections by hand.

    Raises:
        GraphlintError: one of them changes nothing.
    """
    patched = {kind: dict(names) for kind, names in facts.items()}
    for one in PATCHES:
        until = one.until or release
        if not _order(one.since) <= _order(release) <= _order(until):
            continue
        names = patched[one.kind]
        for name in one.names:
            have = frozenset(names) if one.of is None else names.get(one.of)
            if have is None or (name in have) is not one.absent:
                what = f"{one.kind} {one.of or ''} {name}".replace("  ", " ")
                raise GraphlintError(f"the patch of {what} changes nothing in Keras {release}: end it before {release}")
            if one.of is not None:
                names[one.of] = have - {name} if one.absent else have | {name}
            elif one.absent:
                del names[name]
            else:
                names[name] = frozenset()
    return patched


def differences(before: Facts, after: Facts) -> Iterator[str]:
    """What one release has that another has not, one line for each name.

    >>> list(differences({"layers": {"Dense": frozenset({"lora"})}}, {"layers": {"Dense": frozenset({"units"})}}))
    ['layers: Dense takes units', 'layers: Dense no longer takes lora']
    """
    for kind, new in after.items():
        old = before[kind]
        for name in sorted({*old, *new}):
            if name not in old:
                arguments = f", takes {', '.join(sorted(new[name]))}" if new[name] else ""
                yield f"{kind}: {name} is new{arguments}"
            elif name not in new:
                yield f"{kind}: {name} is gone"
            else:
                if more := new[name] - old[name]:
                    yield f"{kind}: {name} takes {', '.join(sorted(more))}"
                if less := old[name] - new[name]:
                    yield f"{kind}: {name} no longer takes {', '.join(sorted(less))}"


def main(arguments: Sequence[str] | None = None, folder: Path = TABLES) -> int:
    """Runs the command; returns its exit code: 1 if ``--check`` found differences, 2 for an error."""
    parser = argparse.ArgumentParser(
        prog="python -m graphlint.knowledge.generate",
        description="Writes the tables of released Keras from the sources of releases, which are parsed, not imported.",
    )
    parser.add_argument(
        "releases", nargs="*", metavar="RELEASE", help="a version, a wheel or a folder; default: the newest version"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the tables would change")
    options = parser.parse_args(arguments)
    try:
        return _run(options.releases or [""], folder, options.check)
    except GraphlintError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(releases: list[str], folder: Path, check: bool) -> int:
    tables = Tables(folder)
    changed = False
    for named in releases:
        with TemporaryDirectory() as scratch:
            is_version = not named or re.fullmatch(r"\d+(\.\d+)+", named)
            sources = KerasSources(_download(named, Path(scratch)) if is_version else Path(named))
            version = sources.version
            changes = tables.put(version, sources.facts(), sources.defaults())
        changed = changed or bool(changes)
        print(f"Keras {version}: {'the tables differ' if changes else 'as in the tables'}")
        for line in changes:
            print(f"  {line}")
    if not check:
        tables.write()
        return 0
    if changed:
        print(_NEXT)
    return int(changed)


def _download(version: str, folder: Path) -> Path:
    """The wheel of a version, of the newest one if none is named."""
    wanted = f"keras=={version}" + ("" if version.count(".") > 1 else ".*") if version else "keras"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--ignore-requires-python", "--dest", str(folder), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise GraphlintError(f"pip could not download {wanted}: {said}")
    return wheels[0]


def _order(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


if __name__ == "__main__":
    sys.exit(main())
