"""K010: what a Keras release cannot load of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from graphlint.engine.options import TARGET_KERAS, TARGET_OPTION
from graphlint.engine.rule import Option, Rule
from graphlint.errors import listed
from graphlint.findings.edits import Rewrite
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.releases import RELEASES
from graphlint.model.address import ROOT
from graphlint.model.definition import Format, ProblemKind
from graphlint.model.graph import ModelGraph
from graphlint.portability.lambda_functions import misbound_functions
from graphlint.portability.obstacles import obstacles
from graphlint.portability.rewriting import hindrance
from graphlint.portability.target import target_release
from graphlint.questions.references import references

_REWRITE = Fix.safe("rewrite the model in the form of the installed Keras", Rewrite())


class WillNotLoad(Rule):
    """The model will not load on this Keras, and the file shows why.

    ## What it does
    Compares the file with what a Keras release supports: the installed one, the newest that graphlint knows if none is
    installed, or the one that the option `target-keras` names. Reports classes and operations that the release does not
    have, arguments that it does not accept, forms of configuration that it cannot read, and references inside the file
    to objects that do not exist.

    In memory, makes each custom layer, loss, metric and optimizer once more from its `get_config`, as loading will, and
    reports what cannot be made or comes back with another value, with the argument at fault.

    ## Why is this bad?
    `load_model` stops, and its message often points elsewhere. Of 191 model files from public repositories, 112 do not
    load on Keras 3.15.

    ## Example
    ```python
    import json
    import zipfile

    x = keras.Input((8, 8, 3))
    keras.Model(x, layers.Conv2DTranspose(4, 3, activation="relu")(x)).save(tmp_path / "good.keras")
    path = tmp_path / "bad.keras"
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["config"]["layers"][1]["config"]["groups"] = 1
                data = json.dumps(config)
            bad.writestr(name, data)
    ```

    ## Use instead
    ```python
    x = keras.Input((8, 8, 3))
    model = keras.Model(x, layers.Conv2DTranspose(4, 3, activation="relu")(x))
    ```

    ## Fix
    Safe if only the form of the file is the cause: modules that no longer exist, calls as lists, removed arguments that
    had no effect, a Sequential without an InputLayer. The configuration is rewritten, Keras builds the model from it in
    safe mode, and every weight is carried over bit for bit; the state of the optimizer is not. Layers of Keras 1 and of
    cuDNN become those of today, with their weights in today's order; what Keras 3 computes in another way than the
    release that wrote the file (K013) is made up for exactly. A missing class, Python code, an argument that had an
    effect or a function that cannot be kept is named, and nothing is written: build the model again from code and load
    the weights, or load the file with the release that wrote it (`tf_keras` for Keras 2).

    ## Not reported
    Custom classes without a module (K002), TensorFlow operation layers (K003), custom losses (K006), Lambda code
    (X001): they have their own rules. A custom class of an importable module is a warning, since passing it in
    `custom_objects` helps; so is a compile configuration that Keras cannot read, since `compile=False` helps. A
    registered object (`Package>Name`) that the file needs is an info.

    ## References
    Read from the sources of Keras 2.12 to 2.15 and 3.0 to 3.15, one patch release of each.
    """

    code = "K010"
    name = "will-not-load"
    severity = Severity.ERROR
    in_code = "Reads the class of each custom layer, opened or not; the operations in its code are in no file."
    blocks_loading = True
    needs = frozenset()
    options: ClassVar[Mapping[str, Option]] = {TARGET_KERAS: TARGET_OPTION}

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        if graph.definition.format == Format.WEIGHTS:
            return
        for problem in graph.definition.problems:
            if problem.kind == ProblemKind.STRUCTURE:
                layer = graph.layer_of.get(id(problem.layer))
                yield Problem(problem.message, layer or ROOT, "Save the model again from code.", key=problem.message)
        release = target_release(str(self.option[TARGET_KERAS]))
        unwritable = graph.live or hindrance(graph.definition) is not None or release < target_release("")
        for obstacle in obstacles(graph, release):
            first, *others = dict.fromkeys(obstacle.layers)
            hint = obstacle.hint
            yield Problem(
                obstacle.message + (f" ({len(others) + 1} layers)" if others else ""),
                first,
                f"{hint[0].upper()}{hint[1:]}.",
                related=tuple(others),
                severity=Severity.ERROR if obstacle.certain and not obstacle.compiling else Severity.WARNING,
                fix=_REWRITE if obstacle.certain and not unwritable else None,
                key=obstacle.message,
            )
        for one in misbound_functions(graph, release >= RELEASES.index("3.0")):
            yield Problem(one.message, one.layer, one.hint, severity=one.severity, key=one.message)
        if not graph.live:
            yield from _around(graph)
            yield from _registered(graph)
            return
        from graphlint.portability.reloading import unlike_after_loading

        for unlike in unlike_after_loading(graph):
            yield Problem(unlike.message, unlike.node, unlike.hint, key=unlike.key)


def _around(graph: ModelGraph) -> Iterator[Problem]:
    """What is wrong with the file around its configuration."""
    definition = graph.definition
    if definition.misnamed is not None:
        message, _, advice = definition.misnamed.rpartition("; ")
        yield Problem(message, ROOT, f"{advice[0].upper()}{advice[1:]}.", fix=_REWRITE, key="name")
    if definition.format == "h5" and not definition.has_weights:
        yield Problem(
            "the file holds a configuration and no group model_weights: load_model stops there",
            ROOT,
            "Save the model again with model.save; the configuration alone loads with keras.models.model_from_json.",
            key="model_weights",
        )


def _registered(graph: ModelGraph) -> Iterator[Problem]:
    """The classes and functions that only their own code can provide: an info, since that is by design."""
    found: dict[str, str] = {}
    for reference in references(graph):
        name = next((one for one in (reference.registered_name, reference.name) if one and ">" in one), None)
        if name is not None:
            place = reference.where.split("/")
            compiled = place[0] == "compile_config" and len(place) > 1
            found.setdefault(f"{name!r} ({place[1]})" if compiled else repr(name), reference.layer)
    if found:
        names = listed([*found], 5)
        first, *others = dict.fromkeys(found.values())
        yield Problem(
            f"needs the code that registers {names}",
            first,
            "Import that code before load_model, or pass what it registers in custom_objects"
            f"{'; compile=False does without the compilation' if '(' in names else ''}.",
            related=tuple(others),
            severity=Severity.INFO,
            key=",".join(found),
        )
