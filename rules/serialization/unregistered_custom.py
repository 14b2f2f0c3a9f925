"""K002."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import Layer, ModelGraph


class UnregisteredCustom(Rule):
    """A custom class that the file names without saying where it comes from.

    ## What it does
    Reports layers of a class that is not Keras's own and was neither registered nor defined in a module that can be
    imported: the file holds a bare class name.

    ## Why is this bad?
    `keras.saving.load_model` cannot find the class, in a new process or on another machine. Everybody who loads the
    file must have the right code and pass it as `custom_objects`, and nothing in the file says which code that is.

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
    Registered classes (`Package>Name`), classes of importable modules, Keras's own classes in files of Keras 1 and 2,
    which name no modules; what the constructor of a custom layer or model makes, of which a file says nothing.

    ## References
    30 of 191 real files fail to load for this reason.
    """

    code = "K002"
    name = "unregistered-custom"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        by_class: dict[str, list[Layer]] = {}
        for layer in graph.layers.values():
            name, registered = layer.class_name, layer.registered_name
            if name is None or layer.is_operation or layer.is_builtin or layer.module not in (None, "__main__"):
                continue
            if ">" in name or (registered is not None and ">" in registered):
                continue
            if not graph.written(layer.path):
                continue
            by_class.setdefault(name, []).append(layer)
        for name, (first, *others) in by_class.items():
            count = f" ({len(others) + 1} layers)" if others else ""
            yield Problem(
                f"class {name!r} is not Keras's own and not registered{count}: "
                "load_model finds it only when it is passed in custom_objects",
                first.path,
                'Put @keras.saving.register_keras_serializable(package="...") on the class and save again.',
                tuple(layer.path for layer in others),
            )
