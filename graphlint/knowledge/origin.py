"""Where a class comes from: Keras itself, or somebody else's code. The one answer to that question."""

from __future__ import annotations

from functools import lru_cache

KERAS_PACKAGES = frozenset({"keras", "tf_keras", "keras_core"})
"""Keras by its names: today's, the one that Keras 2 goes on under, and that of Keras 3 before it was released."""

KERAS_ROOTS = KERAS_PACKAGES | {"tensorflow"}
"""The packages that hold classes of Keras: older files name them below ``tensorflow``."""


def is_keras_package(module: str | None) -> bool:
    """Whether a module lies in a package that holds classes of Keras.

    >>> is_keras_package("keras.src.layers.core.dense"), is_keras_package("keras_hub.layers"), is_keras_package(None)
    (True, False, False)
    """
    return module is not None and module.partition(".")[0] in KERAS_ROOTS


@lru_cache(4096)
def is_keras_class(class_name: str | None, module: str | None, registered_name: str | None) -> bool:
    """Whether a layer class is Keras's own, by what a configuration says of it.

    A name in a package of its own (``Package>Name``) never is. Otherwise the module decides. Files of Keras 1 and 2
    name none, and no registered name either: there the name of the class decides. A registered name without a module
    is how Keras 3 writes a class of the user's.

    >>> is_keras_class("Dense", "keras.layers", None), is_keras_class("Dense", None, None)
    (True, True)
    >>> is_keras_class("Tower", None, None), is_keras_class("Dense", None, "Dense"), is_keras_class("D", "my.d", "My>D")
    (False, False, False)
    """
    if registered_name is not None and ">" in registered_name:
        return False
    if module is not None:
        return is_keras_package(module)
    return registered_name is None and class_name is not None and _has_row(class_name)


def is_keras_object(class_name: str, module: str | None, registered_name: str | None) -> bool:
    """The same of an initializer, loss, metric or the like, which a configuration holds besides layers.

    >>> is_keras_object("GlorotUniform", None, None), is_keras_object("GlorotUniform", "mine", "mine>GlorotUniform")
    (True, False)
    """
    if is_keras_class(class_name, module, registered_name):
        return True
    if module is not None or registered_name is not None:
        return False
    from graphlint.knowledge.defaults import KINDS
    from graphlint.knowledge.tables import read_table

    return any(class_name in read_table(kind) for kind in KINDS)


def _has_row(class_name: str) -> bool:
    from graphlint.knowledge import rows

    return class_name in rows.read("layers")


def is_live_keras_class(cls: type) -> bool:
    """Whether a class in memory is defined by Keras."""
    return cls.__module__.partition(".")[0] == "keras"
