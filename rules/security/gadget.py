"""X003: functions and layers of Keras that read, write, download or execute."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.advisories import Danger, endangers
from graphlint.model.address import ROOT
from graphlint.model.definition import ProblemKind
from graphlint.model.graph import ModelGraph
from graphlint.questions.dangers import Dangerous, dangers
from graphlint.questions.references import Kind, last_name

_MOST_SHOWN = 10


class Gadget(Rule):
    """The file names or holds something that does more than compute: reads, writes, downloads, unpickles.

    ## What it does
    Judges every name that any release can resolve an entry to, whatever kind the entry claims to be. Inside Keras,
    TensorFlow, NumPy, torch and JAX only what some release exports as a layer, operation, activation, loss, metric,
    initializer and the like is accepted; all other names are reported (`get_file`, `load_model`, evaluators, private
    helpers). Reported are also the operations on files, connections and Python code that layers of Keras 2 call and
    that the graph of a SavedModel holds; paths and addresses that a layer reads (`vocabulary`, `handle`, `filepath`);
    layer names that lead out of their folder; layers that load code (TorchModuleWrapper, TFSMLayer, `hub.KerasLayer`);
    and pickles in `model.weights.npz`, in place of the model, beside it or as text in its configuration, with the names
    that they import. Nothing is unpickled. Models and JSON texts that lie beside the model, also in archives inside the
    archive, are judged like the configuration. Each finding names the releases that it endangers, and the advisory if
    there is one.

    ## Why is this bad?
    Everything that a configuration names inside Keras passes the check for foreign modules, and is called with
    arguments from the file. A saved TorchModuleWrapper is a pickle.

    ## Example
    ```python
    import json
    import zipfile

    keras.Sequential([keras.Input((2,)), layers.Dense(1)]).save(tmp_path / "good.keras")
    path = tmp_path / "bad.keras"
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["config"]["layers"][1]["config"]["activation"] = {
                    "module": "keras.utils", "class_name": "function", "config": "get_file",
                    "registered_name": "get_file",
                }
                data = json.dumps(config)
            bad.writestr(name, data)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, activation="relu")])
    ```

    ## Fix
    None: do not load the file, and ask its author. Rebuild a TorchModuleWrapper or TFSMLayer from Keras layers, or
    distribute it as a separate SavedModel.

    ## Not reported
    Custom classes and functions of the same name in another package, or without one (`Lambda(load_img)`). Vocabularies
    that the archive itself contains. Operations that save and restore the variables of a SavedModel, and those that
    fill its tables from its own assets. Operations that TensorFlow itself does not register are only noted.

    ## References
    CVE-2025-8747, CVE-2025-9906, CVE-2025-12058, CVE-2025-49655, CVE-2026-1462, CVE-2026-12479
    """

    code = "X003"
    name = "gadget"
    severity = Severity.ERROR
    in_code = "Reads configurations, in which the bodies that code makes are not."
    needs = frozenset()

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found: dict[str, list[Dangerous]] = {}
        for one in dangers(graph):
            if one.danger is not Danger.FOREIGN_NAME and one.reference.kind is not Kind.CODE:
                found.setdefault(one.reference.layer, []).append(one)
        for layer, gadgets in found.items():
            texts = list(dict.fromkeys(map(_text, gadgets)))
            shown = texts[:_MOST_SHOWN]
            more = f"; and {len(texts) - _MOST_SHOWN:,} more" if len(texts) > _MOST_SHOWN else ""
            whom = "; ".join(dict.fromkeys(one.endangers for one in gadgets))
            yield Problem(
                f"names {'; '.join(shown)}{more}; endangers {whom}",
                layer,
                "Do not load the file unless you trust its source; build the model from layers and operations only.",
                key=";".join(texts),
            )
        for problem in graph.definition.problems:
            if problem.kind == ProblemKind.UNSEEN:
                yield Problem(
                    f"{problem.message}: what they do could not be judged",
                    ROOT,
                    "Ask whoever made the model which library registers them.",
                    severity=Severity.INFO,
                    key=problem.message,
                )
            elif problem.kind == ProblemKind.GADGET:
                whom = f"; endangers {endangers(problem.danger)}" if problem.danger is not None else ""
                yield Problem(
                    problem.message + whom,
                    ROOT,
                    "Do not load the file unless you trust its source; save the model again from a trusted copy.",
                    key=problem.message,
                )


def _text(one: Dangerous) -> str:
    place = f" in {one.reference.where}" if one.reference.where else ""
    name = last_name(one.name) if one.reference.kind in (Kind.CLASS, Kind.FUNCTION) else one.name
    return f"{name!r}{place}, which {one.effect}"
