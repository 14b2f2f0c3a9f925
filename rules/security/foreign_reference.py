"""X002: references to classes and functions that no model needs."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.advisories import Danger
from graphlint.model.graph import ModelGraph
from graphlint.questions.dangers import Dangerous, dangers


class ForeignReference(Rule):
    """The configuration names something that no model needs.

    ## What it does
    Looks at every class and function that a configuration in the file names, and reports those of Python's standard
    library, of well-known packages without layers, built-in functions such as `eval`, modules that only pretend to
    belong to Keras, and every function of a package that is not a modelling package, also when the entry claims to be a
    class or gives the name as the registered one. Nothing is imported.

    ## Why is this bad?
    Releases of Keras before 3.9 import the module that a configuration names and call what they find there: a model
    file that names `os.system` is a program. No model saved by Keras names such an object.

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
                config["config"]["layers"][1]["config"]["kernel_initializer"] = {
                    "module": "os", "class_name": "function", "config": "system", "registered_name": "system",
                }
                data = json.dumps(config)
            bad.writestr(name, data)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    ```

    ## Fix
    None: do not load the file, and ask its author. If the function is your own, register it with
    `@keras.saving.register_keras_serializable(package="...")`; Keras then writes no module.

    ## Not reported
    Custom layer, model, loss, metric and optimizer classes of packages that are not in the standard library: they are
    ordinary (K002 and K010 report whether they load). Keras, TensorFlow, JAX, torch, numpy and packages of layers, by
    the exact name of the top-level package (X003 judges the names in them).

    ## References
    CVE-2025-1550
    """

    code = "X002"
    name = "foreign-reference"
    severity = Severity.ERROR
    in_code = "Reads configurations, in which the bodies that code makes are not."
    needs = frozenset()

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found: dict[tuple[str, str], list[Dangerous]] = {}
        for one in dangers(graph):
            if one.danger is Danger.FOREIGN_NAME:
                found.setdefault((one.name, one.effect), []).append(one)
        for (named, reason), (first, *others) in found.items():
            reference = first.reference
            place = f" in {reference.where}" if reference.where else ""
            yield Problem(
                f"names {named!r}{place}, {reason}: no model needs it, and loading the file may import and call it; "
                f"endangers {first.endangers}",
                reference.layer,
                "Do not load the file unless you trust its source; write your own functions as registered ones.",
                related=tuple(
                    dict.fromkeys(one.reference.layer for one in others if one.reference.layer != reference.layer)
                ),
                key=f"{named}:{reference.where}",
            )
