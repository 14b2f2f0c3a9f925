"""Models before and after one known change: does `diff` name that change, and nothing else?

    python tests/benchmarks/difference_pairs.py [--limit 3] [--models NAME]... [--part PART]...

Edits have what is expected, kind and place, worked out from the edit alone. Identity pairs (a model and itself, its
clone, its file in both formats, what is loaded from it) must be empty, and so must a file of Keras 1 or 2 and what a
rescue makes of it, but for a few changes for each note of the rescue. Fixes and mutants (whose numbers are drawn again)
must be told in few lines for each place that the report of the fix, or the mutant, names; if nothing but what a rule
finds differs (a member of the archive twice), in findings. Every pair that is not
exact is printed. Exits with 1 unless all edits, identities and rescues are exact.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import os
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
from keras import layers

import graphlint
from graphlint.comparison.changes import Change, Kind
from graphlint.comparison.text import groups, listed
from graphlint.errors import GraphlintError
from graphlint.fixes.rescue import rescue
from graphlint.model.expand import expand
from graphlint.sources import read
from graphlint.sources.live import read_live
from graphlint.testing.samples import SAMPLES
from tests.models import ARCHITECTURES

PARTS = ["edits", "identity", "fixes", "rescues", "mutants"]
FEW = 4
"""Lines of the difference up to which one fault counts as told by them."""


@dataclass(frozen=True)
class Pair:
    """Two models, and what is expected: each a kind with the layer that it is about, in the old or the new model."""

    group: str
    name: str
    old: Any
    new: Any
    expected: frozenset[tuple[str, str]]


@dataclass
class Tally:
    """How many pairs of one group came out how."""

    exact: int = 0
    much: int = 0
    little: int = 0

    @property
    def total(self) -> int:
        return self.exact + self.much + self.little


def where(change: Change) -> str:
    """The layer that a change is about."""
    return change.place.partition("#")[0].partition("@")[0]


def told(difference: graphlint.Difference) -> set[tuple[str, str]]:
    """The changes of a difference but for findings and shapes of outputs, which follow from the others, and for how the
    model is compiled: edits of a trained model leave that to the user."""
    return {
        (change.kind.value, where(change))
        for change in difference.changes
        if change.part != "findings" and change.kind not in (Kind.COMPILED, Kind.OPTIMIZER)
        if not (change.kind is Kind.OUTPUT and change.argument is None)
    }


# -- edits ------------------------------------------------------------------------------------------------------


def places(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """Address and layer of the calls of the root that can be edited."""
    graph = expand(read_live(model))
    for call in graph.calls.values():
        layer = graph.layers[call.layer]
        if layer.is_operation and layer.class_name == "NotEqual":
            continue  # The mask of an Embedding, which Keras computes again in whatever is built.
        if call.scope == "." and not layer.is_input and len(graph.call_sites(layer.path)) == 1 and call.outputs:
            yield graph.address(call.id), layer


def edits(name: str, model: keras.Model, limit: int) -> Iterator[Pair]:
    """Every edit at the first places where it fits."""
    counts: Counter[str] = Counter()

    def pair(kind: str, new: Any, *expected: tuple[Kind, str]) -> Pair:
        counts[kind] += 1
        return Pair(kind, name, model, new, frozenset((one.value, at) for one, at in expected))

    # A Sequential model calls its layers with nothing but a tensor, and becomes a Functional one.
    functional = [(Kind.MODEL, ".")] if type(model) is keras.Sequential else []
    for address, layer in places(model):
        floating = "float" in str(getattr(layer.obj, "compute_dtype", "float32"))
        for kind, make in {
            "insert_after": lambda a=address: graphlint.edit(model).insert_after(a, layers.Identity(name="inserted")),
            "insert_before": lambda a=address: graphlint.edit(model).insert_before(a, layers.Identity(name="inserted")),
            "remove": lambda a=address: graphlint.edit(model).remove(a),
            "replace": lambda a=address: graphlint.edit(model).replace(a, layers.Activation("tanh", name="other")),
            "set_argument": lambda a=address: graphlint.edit(model).set_argument(a, "training", True),
            "freeze": lambda a=address: graphlint.edit(model).freeze(a),
        }.items():
            if counts[kind] >= limit or (kind == "set_argument" and not _learns_of_training(layer)):
                continue
            if kind == "freeze" and not (isinstance(layer.obj, keras.Layer) and layer.obj.trainable_variables):
                continue
            if kind == "replace" and not floating:
                continue
            try:
                new = make().build()
            except Exception as error:
                if not isinstance(error, (GraphlintError, ValueError, TypeError)):
                    print(f"{name}: {kind} at {address}: {type(error).__name__}: {error}", file=sys.stderr)
                continue
            expected = {
                "insert_after": [(Kind.ADDED, "inserted")],
                "insert_before": [(Kind.ADDED, "inserted")],
                "remove": [(Kind.REMOVED, layer.path)],
                "replace": [(Kind.CHANGED, "other")],
                "set_argument": [(Kind.CHANGED, layer.path), *functional],
                "freeze": [(Kind.FROZEN, layer.path)],
            }[kind]
            yield pair(kind, new, *expected)
    yield from ties(name, model, limit)


def _learns_of_training(layer: Any) -> bool:
    """Whether ``training=True`` changes what a layer does where nobody says whether it trains."""
    if not layer.traits.random or not isinstance(layer.obj, keras.Layer):
        return False
    parameter = inspect.signature(layer.obj.call).parameters.get("training")
    return parameter is not None and parameter.default is not True


def ties(name: str, model: keras.Model, limit: int) -> Iterator[Pair]:
    """Layers that become one, and are taken apart again; variables that become one."""
    by_form: dict[Any, list[Any]] = {}
    for address, layer in places(model):
        if isinstance(layer.obj, keras.Layer) and layer.obj.weights and layer.is_keras and not layer.container:
            config = {key: str(value) for key, value in layer.config.items() if key != "name"}
            key = (layer.class_name, str(sorted(config.items())), str([tuple(one.shape) for one in layer.obj.weights]))
            by_form.setdefault(key, []).append((address, layer))
    for group in islice((group for group in by_form.values() if len(group) > 1), limit):
        (first, one), (second, other) = group[:2]
        try:
            shared = graphlint.edit(model).share(first, second).build()
        except (GraphlintError, ValueError):
            continue
        yield Pair("share", name, model, shared, frozenset({(Kind.SHARING.value, one.path)}))
        try:
            apart = graphlint.edit(shared).unshare(f"{one.path}#1").build()
        except (GraphlintError, ValueError):
            continue
        new = {layer.name for layer in apart.layers} - {layer.name for layer in shared.layers}
        yield Pair("unshare", name, shared, apart, frozenset((Kind.SHARING.value, each) for each in new))
        slot = one.obj.weights[0].name
        try:
            tied = graphlint.edit(model).tie(f"{one.path}@{slot}", f"{other.path}@{slot}").build()
        except (GraphlintError, ValueError):
            continue
        # The layer that loses its variable computes with other numbers from then on, if they differ.
        numbers = [keras.ops.convert_to_numpy(each.obj.weights[0]) for each in (one, other)]
        kinds = [Kind.TIE] if (numbers[0] == numbers[1]).all() else [Kind.TIE, Kind.NUMBERS]
        yield Pair("tie", name, model, tied, frozenset((kind.value, one.path) for kind in kinds))


def settings(name: str, model: keras.Model, limit: int) -> Iterator[Pair]:
    """Numbers, names and arguments that change in a copy."""
    graph = expand(read_live(model))
    weighted = [one for one in graph.variables.values() if "float" in one.dtype and one.values is not None]
    for variable in weighted[:limit]:
        copy = graphlint.clone(model)
        held = _held(copy, variable)
        if held is not None:
            held.assign(held + 1)
            yield Pair("numbers", name, model, copy, frozenset({(Kind.NUMBERS.value, variable.layer)}))


def _held(model: keras.Model, variable: Any) -> Any:
    found = expand(read_live(model)).variables.get(variable.id)
    return None if found is None else found.obj


# -- nothing changed --------------------------------------------------------------------------------------------


def identities(name: str, model: keras.Model, folder: Path) -> Iterator[Pair]:
    """Pairs between which nothing changed."""
    nothing: frozenset[tuple[str, str]] = frozenset()
    yield Pair("itself", name, model, model, nothing)
    with contextlib.suppress(GraphlintError):
        yield Pair("its clone", name, model, graphlint.clone(model), nothing)
    path, legacy = folder / f"{name}.keras", folder / f"{name}.h5"
    model.save(path)
    yield Pair("its file", name, model, path, nothing)
    try:
        yield Pair("file and loaded", name, path, keras.models.load_model(path, safe_mode=False), nothing)
        if any(layer.opaque for layer in expand(read(path)).layers.values()):
            return  # The two formats store what is inside code under different names.
        model.save(legacy)
        yield Pair("file and HDF5 file", name, path, legacy, nothing)
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {str(error)[:100]}", file=sys.stderr)


def fixes(folder: Path) -> Iterator[Pair]:
    """The bad example of every rule and what is fixed in it; expected are the layers that the report names."""
    from graphlint.engine.documentation import EXAMPLE
    from graphlint.engine.registry import load_registry
    from graphlint.testing import run_example

    for number, rule in enumerate(load_registry()):
        target = folder / f"{number}"
        target.mkdir()
        try:
            model = run_example(rule, EXAMPLE, target).get("model")
            if model is None:
                continue
            fixed, report = graphlint.fix(model, select=rule.code, unsafe=True)
        except Exception as error:
            print(f"fix of {rule.code}: {type(error).__name__}: {str(error)[:100]}", file=sys.stderr)
            continue
        if report:
            at = {one.finding.location.layer for one in report.applied if one.finding.location is not None}
            yield Pair("fix", rule.code, model, fixed, frozenset(("fixed", each) for each in at))


def rescues(folder: Path) -> Iterator[Pair]:
    """Files of Keras 1 and 2, and what Keras 3 makes of them after a rescue: the same model in another format."""
    archive = Path(__file__).parents[1] / "data" / "older_releases.zip"
    with zipfile.ZipFile(archive) as members:
        names = [name for name in members.namelist() if name.endswith(".h5")]
        members.extractall(folder, names)
    for name in sorted(names):
        try:
            saved = folder / f"{Path(name).stem}.keras"
            rescued = rescue(read(folder / name))
            rescued.model.save(saved)
        except GraphlintError as error:
            print(f"rescue of {name}: {error}", file=sys.stderr)
            continue
        graph = expand(read(folder / name))
        old = {layer.path for layer in graph.layers.values() if _has_another_form(layer)}
        first = (graph.definition.keras_version or "1").startswith("1.")
        renamed = {layer.path for layer in graph.layers.values()} if first else old
        expected = {("rescued", note) for note in rescued.notes} | {("rescued", path) for path in renamed}
        yield Pair("rescue", name, folder / name, saved, frozenset(expected))


def _has_another_form(layer: Any) -> bool:
    """Whether Keras 3 has no class of this name for a layer, or for the one that it wraps."""
    inner = layer.config.get("layer")
    wrapped = inner.get("class_name") if isinstance(inner, dict) else None
    return any(
        name and not hasattr(keras.layers, name) and not hasattr(keras, name) for name in (layer.class_name, wrapped)
    )


def mutants(names: list[str], limit: int, folder: Path) -> Iterator[Pair]:
    """Faults of the mutation benchmark, against the clean model."""
    from tests.benchmarks.mutations import run  # noqa: F401  registers the injectors
    from tests.benchmarks.mutations.clean import MODELS
    from tests.benchmarks.mutations.mutant import INJECTORS, Clean

    for name in names:
        clean = Clean(name, MODELS[name], folder)
        for code, injectors in INJECTORS.items():
            for injector in injectors:
                try:
                    for mutant in islice(injector(clean), limit):
                        new = mutant.model if mutant.model is not None else mutant.path
                        old = clean.functional if mutant.model is not None else clean.path
                        label = f"{name} {code} {injector.__name__}"
                        yield Pair("mutant", label, old, new, frozenset(("fault", one) for one in mutant.expected))
                except GraphlintError:
                    raise
                except Exception as error:
                    print(f"{name} {injector.__name__}: {type(error).__name__}", file=sys.stderr)


# -- judging ----------------------------------------------------------------------------------------------------


def judge(pair: Pair, tally: Tally) -> None:
    try:
        difference = graphlint.diff(pair.old, pair.new, findings=False, weights=pair.group != "mutant")
        if not difference:
            difference = graphlint.diff(pair.old, pair.new, findings=pair.group in ("fix", "mutant"))
    except GraphlintError as error:
        if pair.group == "mutant":
            tally.exact += 1  # A file that cannot be read is told as such.
        else:
            tally.little += 1
            print(f"{pair.group} {pair.name}: {error}", flush=True)
        return
    got = told(difference)
    if pair.group in ("fix", "mutant"):
        lines = [line for title, changes in groups(difference) for line in listed(changes)]
        few = 1 <= len(lines) <= FEW * max(1, len(pair.expected))
        verdict = "exact" if few else "much" if lines else "little"
    elif pair.group == "rescue":
        verdict = "exact" if len(got) <= FEW * len(pair.expected) else "much"
    else:
        expected = set(pair.expected)
        if pair.group == "replace":
            got = {one for one in got if one[0] != Kind.RENAMED.value}
        verdict = "exact" if got == expected else "little" if expected - got else "much"
    setattr(tally, verdict, getattr(tally, verdict) + 1)
    if verdict != "exact":
        lines = "\n    ".join(str(difference).splitlines()[:14])
        print(f"{pair.group} {pair.name}: {verdict}, expected {sorted(pair.expected)}\n    {lines}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=3, help="places per model and kind of edit")
    parser.add_argument("--models", action="append", default=[], metavar="NAME")
    parser.add_argument("--part", action="append", default=[], choices=PARTS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    parts = options.part or PARTS
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for pair in pairs(options, parts, Path(folder)):
                judge(pair, tallies.setdefault(pair.group, Tally()))
        except KeyboardInterrupt:
            print("interrupted: the pairs up to here", flush=True)
    print("| pairs | number | exact | too much | too little |")
    print("|---|---|---|---|---|")
    for group, tally in tallies.items():
        print(f"| {group} | {tally.total} | {tally.exact} | {tally.much} | {tally.little} |")
    strict = [tally for group, tally in tallies.items() if group not in ("fix", "mutant")]
    return int(any(tally.much or tally.little for tally in strict))


def pairs(options: argparse.Namespace, parts: list[str], folder: Path) -> Iterator[Pair]:
    builders = {**SAMPLES, **ARCHITECTURES}
    for name in options.models or list(SAMPLES):
        if name not in builders or not {"edits", "identity"} & set(parts):
            continue
        try:
            model = builders[name]()
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        if "identity" in parts:
            yield from identities(name, model, folder)
        if "edits" in parts:
            yield from edits(name, model, options.limit)
            yield from settings(name, model, options.limit)
        keras.utils.clear_session(free_memory=False)
    if "fixes" in parts:
        yield from fixes(folder)
    if "rescues" in parts:
        yield from rescues(folder)
    if "mutants" in parts:
        from tests.benchmarks.mutations.clean import TINY

        yield from mutants(list(options.models or TINY), options.limit, folder)


if __name__ == "__main__":
    sys.exit(main())
