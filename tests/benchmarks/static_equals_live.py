"""Whether the file and the model in memory give the same graph, over model files that Keras can load.

    python tests/benchmarks/static_equals_live.py FILE|DIRECTORY ...

Each file is loaded with Keras's safe mode on. Exits with 1 where a graph differs. Of files written by Keras 1 or 2 the
configurations of layers and their ``training`` arguments are left out: Keras writes them anew in today's dialect. Of
configurations without weights the variables are left out.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras

from graphlint.errors import GraphlintError
from graphlint.model.definition import ModelDefinition
from graphlint.model.expand import expand
from graphlint.projections.canonical import canonical
from graphlint.sources import read
from graphlint.sources.live import read_live
from tests.projections.test_static_equals_live import differences

SUFFIXES = {".keras", ".h5", ".hdf5"}


def load(path: Path) -> keras.Model:
    if path.suffix == ".json":
        return as_model(keras.models.model_from_json(path.read_text()))
    return as_model(keras.models.load_model(path, compile=False))


def as_model(loaded: Any) -> keras.Model:
    if not isinstance(loaded, keras.Model):
        raise TypeError(f"expected a model, got {type(loaded).__name__}")
    return loaded


def comparable(graph: dict[str, Any], definition: ModelDefinition) -> dict[str, Any]:
    """A canonical graph without what the format of the file cannot hold or Keras rewrites."""
    if not definition.has_weights:
        owned = [edge for edge in graph["edges"] if edge[2] == "held by"]
        graph = {**graph, "variables": {}, "edges": [edge for edge in graph["edges"] if edge not in owned]}
        graph["layers"] = {path: layer for path, layer in graph["layers"].items() if layer}
        graph["edges"] = [edge for edge in graph["edges"] if edge[2] != "runs as" or edge[0] in graph["layers"]]
    if not (definition.keras_version or "2").startswith("3"):
        graph["layers"] = {path: {"class": layer.get("class")} for path, layer in graph["layers"].items()}
        for call in graph["calls"].values():
            call["arguments"] = {key: value for key, value in call["arguments"].items() if key != "training"}
    return graph


def compare(path: Path) -> tuple[str, list[str]]:
    """The outcome for one file, and what differs."""
    try:
        model = load(path)
    except Exception as error:
        return "Keras does not load it", [f"{type(error).__name__}: {str(error).partition(chr(10))[0][:120]}"]
    try:
        definition = read(path)
        static = canonical(expand(definition))
    except GraphlintError as error:
        return "refused", [str(error)]
    live = canonical(expand(read_live(model)))
    found = list(differences(comparable(static, definition), comparable(live, definition)))
    return ("differs", found) if found else ("equal", [])


def main(targets: list[Path]) -> int:
    paths = [
        path
        for target in targets
        for path in (sorted(target.rglob("*")) if target.is_dir() else [target])
        if path.suffix in SUFFIXES or path.suffix == ".json" or (path == target and path.is_file())
    ]
    outcomes: Counter[str] = Counter()
    for path in paths:
        keras.utils.clear_session(free_memory=False)
        outcome, details = compare(path)
        outcomes[outcome] += 1
        print(f"{path.name}: {outcome}")
        for line in details[:5]:
            print(f"    {line[:300]}")
    print(", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))
    return 1 if outcomes["differs"] else 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
