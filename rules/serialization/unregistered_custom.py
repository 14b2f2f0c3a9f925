"""K002: custom classes that a file names without package or module."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import Layer, ModelGraph


class UnregisteredCustom(Rule):
    """A custom class that the file names without its package or module.

    ## What it does
    Reports layers of a custom class that was neither registered nor defined in an importable module: the file contains
    a bare class name.

    ## Why is this bad?
    `keras.saving.load_model` cannot find the class in a new process or on another machine. Whoever loads the file needs
    the right code and has to pass it as `custom_objects`, and nothing in the file says which code that is.

    ## Example
    ```python
    class Twice(layers.Layer):
        def call(self, x):
            return x * 2


    Twice.__module__ = "__main__"
    x = keras.Input((3,))
    model = keras.Model(x, Twice()(x))
    ```

    ## Use instead
    ```python
    @keras.saving.register_keras_serializable(package="docs")
    class Twice(layers.Layer):
        def call(self, x):
            return x * 2


    Twice.__module__ = "__main__"
    x = keras.Input((3,))
    model = keras.Model(x, Twice()(x))
    ```

    ## Fix
    None: put `@keras.saving.register_keras_serializable(package="my_package")` on the class and save the model again.

    ## Not reported
    Registered classes (`Package>Name`), classes of importable modules, built-in classes in files of Keras 1 and 2,
    which name no modules; layers that the constructor of a custom layer or model creates, which a file does not record.

    ## References
    30 of 191 real files fail to load for this reason.
    """

    code = "K002"
    name = "unregistered-custom"
    severity = Severity.WARNING
    in_code = "Quiet below a layer that code makes: only its own class is named in a file."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        by_class: dict[str, list[Layer]] = {}
        for layer in graph.layers.values():
            name, registered = layer.class_name, layer.registered_name
            if name is None or layer.is_operation or layer.is_keras or layer.module not in (None, "__main__"):
                continue
            if ">" in name or (registered is not None and ">" in registered):
                continue
            if not graph.written(layer.path):
                continue
            by_class.setdefault(name, []).append(layer)
        for name, (first, *others) in by_class.items():
            count = f" ({len(others) + 1} layers)" if others else ""
            yield Problem(
                f"class {name!r} is neither built in nor registered{count}: "
                "load_model finds it only if it is passed in custom_objects",
                first.path,
                'Put @keras.saving.register_keras_serializable(package="...") on the class and save again.',
                related=tuple(layer.path for layer in others),
            )
