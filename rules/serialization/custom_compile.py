"""K006: losses, metrics and optimizers that only custom code can provide."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.origin import KERAS_ROOTS
from graphlint.knowledge.releases import class_names, is_known_class
from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph
from graphlint.questions.references import Kind, Reference, references

_PLACES = ("loss", "metrics", "weighted_metrics", "optimizer", "optimizer_config")


class CustomCompile(Rule):
    """The model was compiled with a custom loss, metric or optimizer.

    ## What it does
    Reports losses, metrics and optimizers in the compile configuration that are custom classes or functions.

    ## Why is this bad?
    Loading the model compiles it, which requires the custom object. If it is missing, the whole model does not load,
    although all its layers are there.

    ## Example
    ```python
    def shifted(y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred - 1.0), axis=-1)


    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("adam", shifted)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("adam", "mse")
    ```

    ## Fix
    None: load with `compile=False`, or pass the object in `custom_objects`; to distribute the model, save it without
    its compile configuration.

    ## Not reported
    Objects registered with `@keras.saving.register_keras_serializable(package="...")`, which their package provides;
    models that are not compiled.

    ## References
    keras-team/keras#18844
    """

    code = "K006"
    name = "custom-compile"
    severity = Severity.WARNING
    in_code = "Reads configurations, in which the bodies that code makes are not."
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found: dict[str, None] = {}
        for reference in references(graph):
            parts = reference.where.split("/")
            compiled_with = reference.layer == ROOT and parts[0] == "compile_config" and parts[1:2] != []
            if compiled_with and parts[1] in _PLACES and _custom(reference):
                found[f"{parts[1].removesuffix('_config')} {reference.last_name!r}"] = None
        compiled = graph.compile_config or {}
        for place in ("loss", "metrics", "weighted_metrics"):
            for name in _texts(compiled.get(place)):
                if not _known(name):
                    found[f"{place} {name!r}"] = None
        if found:
            yield Problem(
                f"compiled with {', '.join(found)}, which Keras does not provide: load_model needs it too",
                None,
                "Load with compile=False, or register the object and import its module before loading.",
                key=",".join(found),
            )


@cache
def _short_names() -> frozenset[str]:
    kinds = ("functions", "losses", "metrics", "optimizers")
    return frozenset(name.replace("_", "").lower() for name in class_names(kinds))


def _known(name: str) -> bool:
    """Whether Keras knows a loss or metric by a name, in any of the forms in which it writes them."""
    return name.replace("_", "").lower() in _short_names()


def _custom(reference: Reference) -> bool:
    if reference.kind is Kind.CODE or (reference.registered_name is not None and ">" in reference.registered_name):
        return False
    root = reference.root
    if ">" in reference.name:
        return False
    if reference.kind is Kind.FUNCTION:
        return root in (None, "builtins", "__main__") and not _known(reference.name)
    if root in (None, "builtins", "__main__"):
        return not (_known(reference.last_name) or is_known_class(reference.last_name)) and (
            reference.class_name != "function"
        )
    return root not in KERAS_ROOTS


def _texts(value: Any) -> Iterator[str]:
    """Names of losses and metrics in a structure of lists and dictionaries, serialized objects left out."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, (list, tuple)):
            stack.extend(reversed(one))
        elif isinstance(one, dict) and "class_name" not in one:
            stack.extend(reversed(one.values()))
