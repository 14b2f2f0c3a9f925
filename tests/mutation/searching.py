"""Models that tell the mutants of rules and of the graph from the code as it is, for ``tests/recorded``.

python -m tests.mutation.searching --package rules/shapes --again build/mutation/results.jsonl --minutes 20

Begins with the models that are recorded, and those of a folder, changes them at random, and keeps those of which
something else is said with a mutant than without it. What is kept is cut down to what that needs and recorded. Read
what was recorded before it is committed: what is wrong there is a fault of the code, and is mended first.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import json
import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tests.mutation.changes import Changes, Config, copied
from tests.mutation.operators import Mutant, mutants
from tests.mutation.running import ROOT, copy_tree, files_of, import_all, lived, prepare

if TYPE_CHECKING:
    from graphlint.engine.registry import RuleClass
    from graphlint.model.graph import ModelGraph

T = TypeVar("T")
Place = tuple[Any, ...]
SECONDS = 3.0
"""How long one look at a model may take."""
_REACHERS, _AT_ONCE, _KEPT = 12, 40, 6
_LONGEST = 12_000
"""Characters of a model that is changed."""


class TooLong(BaseException):
    """A look took too long, as a mutant may make it."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation.searching",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--package", action="append", required=True, help="a folder or file of rules")
    parser.add_argument("--again", type=Path, help="only mutants that lived in this file of an earlier run")
    parser.add_argument("--models", type=Path, help="a folder of configurations as .json to begin with as well")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "searching", help="where the copy goes")
    arguments = parser.parse_args()
    tree = arguments.folder.resolve() / "tree"
    models = list(_models(arguments.models))
    copy_tree(tree)
    prepare(tree, keras=False)
    import_all("graphlint")
    import_all("graphlint_rules")
    from tests.recorded import line

    kinds = ("findings",) if all(one.startswith("rules") for one in arguments.package) else ("findings", "graph")
    recorded = ROOT / "tests/recorded/models.jsonl"
    search = Search(tree, _chosen(tree, arguments), random.Random(arguments.seed))
    print(f"{len(search.alive)} mutants, {len(models)} models")
    known = list(_models(None))
    for model, killed in search.run(models, time.monotonic() + 60 * arguments.minutes):
        if model not in known:
            known.append(model)
            with recorded.open("a") as file:
                file.write(line(model, *kinds))
        print(f"{len(search.alive)} live; {len(json.dumps(model))} characters for {len(killed)}", flush=True)
    for place in sorted(search.alive):
        print("lives" if place in search.reachers else "not reached", search.mutants[place])


def _models(folder: Path | None) -> Iterator[Config]:
    from tests.recorded import recorded

    yield from (case["model"] for case in recorded())
    for path in sorted(folder.glob("*.json") if folder else (), key=lambda path: path.stat().st_size):
        yield json.loads(path.read_text())


def _chosen(tree: Path, arguments: argparse.Namespace) -> list[Mutant]:
    known = lived(arguments.again) if arguments.again else None
    found = []
    for file in (file for package in arguments.package for file in files_of(tree, package)):
        source = (tree / file).read_bytes()
        found += [
            one
            for one in mutants(file, source)
            if one.compiles(source) and (known is None or (one.file, one.kind, one.old, one.new) in known)
        ]
    return found


class Search:
    """Looks for models on which rules with a mutant say something else than rules without."""

    def __init__(self, tree: Path, chosen: list[Mutant], chance: random.Random) -> None:
        from graphlint.engine.registry import load_registry
        from tests.mutation.patching import Functions
        from tests.mutation.reaching import Probes

        functions = Functions()
        self.tree, self.mutants, self.chance = tree, chosen, chance
        self.patches = {}
        for place, one in enumerate(chosen):
            with contextlib.suppress(Exception):  # The module could not even be imported.
                self.patches[place] = functions.prepared(tree, one)
        self.alive = {place for place, patch in self.patches.items() if patch}
        self.reachers: dict[int, list[Config]] = defaultdict(list)
        self.probes = Probes()
        self.probes.put(tree, chosen, functions)
        self.all_rules = list(load_registry())
        self.rules = defaultdict(list)
        for rule in self.all_rules:
            self.rules[f"{rule.__module__.replace('.', '/').removeprefix('graphlint_')}.py"].append(rule)
        kept = (one for one in gc.get_objects() if isinstance(one, functools._lru_cache_wrapper))
        self.caches = [one for one in kept if str(one.__module__).startswith(("graphlint_rules", "graphlint.model"))]

    def run(self, models: list[Config], until: float) -> Iterator[tuple[Config, set[int]]]:
        """Small models with the mutants that they tell from the code, each mutant once."""
        kept: list[Config] = []
        changes = Changes(self.chance, models, self._words())
        todo = models[::-1]
        while time.monotonic() < until and self.alive:
            model = todo.pop() if todo else changes.changed(self._base(models, kept))
            if len(json.dumps(model)) > _LONGEST or not (killed := self.killed(model, self.alive)):
                continue
            kept.append(model)
            # To keep what tells each of many mutants takes long; what is lost here is found in another model.
            small = self.cut(model, set(self.chance.sample(sorted(killed), min(len(killed), _KEPT))))
            killed = self.killed(small, self.alive, len(self.alive))
            self.alive -= killed
            yield small, killed

    def _base(self, models: list[Config], kept: list[Config]) -> Config:
        known = [place for place in self.alive if place in self.reachers]
        if known and self.chance.random() < 0.7:
            return self.chance.choice(self.reachers[self.chance.choice(known)])
        return self.chance.choice(kept if kept and self.chance.random() < 0.5 else models)

    def killed(self, model: Config, wanted: set[int], most: int = _AT_ONCE) -> set[int]:
        """The wanted mutants with which something else is said of a model; of each file it tries so many."""
        try:
            graph = _within(lambda: _graph(model))
        except (Exception, TooLong):
            return set()
        found = set()
        for file in sorted({self.mutants[place].file for place in wanted}):
            self.probes.taken()
            said = self._said(file, model, graph)
            near = [place for place in self.probes.taken() if place in wanted and self.mutants[place].file == file]
            if said is None:
                continue
            for place in near:
                if len(self.reachers[place]) < _REACHERS:
                    self.reachers[place].append(model)
            for place in near if len(near) <= most else self.chance.sample(near, most):
                with self.patches[place]:
                    if self._said(file, model, graph) != said:
                        found.add(place)
        return found

    def _said(self, file: str, model: Config, graph: ModelGraph) -> Any:
        """What the rules of a file say, or of another file all rules and the graph; None for a crash or no end."""
        for cache in self.caches:
            cache.cache_clear()
        try:
            if file.startswith("rules/"):
                return _within(lambda: _problems(self.rules[file], graph))
            return _within(lambda: _everything(self.all_rules, model))
        except (Exception, TooLong):
            return None

    def cut(self, model: Config, killed: set[int]) -> Config:
        """The model without what is not needed to tell the mutants: first keys everywhere, then single entries."""
        until = time.monotonic() + 3 * SECONDS
        for key in sorted({path[-1] for path in _paths(model) if isinstance(path[-1], str)} - {"module"}):
            if self.killed(less := _without_key(model, key), killed) >= killed:
                model = less
        tried: set[tuple[Any, str]] = set()
        while time.monotonic() < until:
            texts = {path: json.dumps(_at(model, path)) for path in _paths(model)}
            todo = [path for path, text in texts.items() if (path[-1], text) not in tried]
            if not todo:
                break
            path = max(todo, key=lambda path: len(texts[path]))
            if self.killed(less := _without(model, path), killed) >= killed:
                model = less
            else:
                tried.add((path[-1], texts[path]))
        return model

    def _words(self) -> list[str]:
        """The names that the rules compare with."""
        found = {part.strip("'\"") for one in self.mutants for part in one.old.split() if part[:1] in "'\""}
        return sorted(word for word in found if word.isidentifier())


def _graph(model: Config) -> ModelGraph:
    from graphlint.model.expand import expand
    from graphlint.sources.json_model import read_json
    from graphlint.sources.json_text import JsonDocument

    return expand(read_json(JsonDocument(copied(model))))


def _problems(rules: list[RuleClass], graph: ModelGraph) -> list[str]:
    from graphlint.engine.linter import missing

    lacking = {need for need, _ in missing(graph)}
    return [repr(problem) for rule in rules if not lacking & set(rule.needs) for problem in rule().check(graph)]


def _everything(rules: list[RuleClass], model: Config) -> tuple[Any, ...]:
    from graphlint.projections.canonical import canonical

    return canonical(_graph(model)), _problems(rules, _graph(model))


def _within(function: Callable[[], T]) -> T:
    def stop(*_: object) -> None:
        raise TooLong

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        return function()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _paths(value: Any, before: Place = ()) -> Iterator[Place]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*before, key)
        yield from _paths(inner, (*before, key))


def _at(value: Any, path: Place) -> Any:
    return functools.reduce(lambda inner, key: inner[key], path, value)


def _without_key(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _without_key(inner, key) for name, inner in value.items() if name != key}
    return [_without_key(inner, key) for inner in value] if isinstance(value, list) else value


def _without(value: Any, path: Place) -> Any:
    found = copied(value)
    del _at(found, path[:-1])[path[-1]]
    return found


if __name__ == "__main__":
    main()
