"""X001: serialized Python code anywhere in the configuration."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.advisories import Danger
from graphlint.model.graph import ModelGraph
from graphlint.questions.dangers import Dangerous, dangers
from graphlint.questions.references import Kind


class LambdaCode(Rule):
    """The model contains serialized Python code.

    ## What it does
    Looks at every dictionary of the configuration, at any depth, for code: Lambda layers however their class is
    spelled, lambdas as activations, initializers, losses or metrics, inside wrappers and nested models, in the forms of
    Keras 1, 2 and 3, in every configuration that the file holds. The code is never unpacked.

    ## Why is this bad?
    Loading the file runs the code, with the rights of whoever loads it. Keras 3 rejects such `.keras` files unless
    `safe_mode=False` is passed, so the model does not load for most users; before 3.11.3, safe mode does not apply to
    `.h5` files. Moreover, the code is bytecode for one Python version.

    ## Example
    ```python
    x = keras.Input((4,))
    model = keras.Model(x, layers.Lambda(lambda t: t * 2.0, output_shape=(4,))(x))
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    model = keras.Model(x, ops.multiply(x, 2.0))
    ```

    ## Fix
    None: write the code as `keras.ops` operations, which are saved as operations, or as a registered
    `keras.layers.Layer`.

    ## Not reported
    A Lambda of a named function, for which the file contains the name and no code.

    ## References
    CVE-2024-3660, CVE-2025-9905, CVE-2026-12481
    """

    code = "X001"
    name = "lambda-code"
    severity = Severity.ERROR
    in_code = "Reads configurations, in which the bodies that code makes are not."
    needs = frozenset()

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        by_layer: dict[str, list[Dangerous]] = {}
        for found in dangers(graph):
            if found.reference.kind is Kind.CODE:
                by_layer.setdefault(found.reference.layer, []).append(found)
        for layer, code in by_layer.items():
            places = ", ".join(dict.fromkeys(one.reference.where or one.name for one in code))
            in_h5 = code[0].danger is Danger.LAMBDA_H5
            yield Problem(
                f"serialized Python code in {places}: loading the model runs it"
                + (", and before Keras 3.11.3 safe_mode does not apply to .h5 files" if in_h5 else "")
                + f"; endangers {code[0].endangers}",
                layer,
                "Replace it with keras.ops or a registered layer; do not load the file unless you trust its source.",
                key=places,
            )
