"""Where a class comes from: Keras itself, or somebody else's code."""

from __future__ import annotations

_ROOTS = ("keras.", "tf_keras.", "tensorflow.")


def is_custom(module: str | None, registered_name: str | None) -> bool:
    """Whether a class is not one of Keras's own, by what the configuration says of it.

    >>> is_custom("keras.layers", None), is_custom("my.code", "my>Layer"), is_custom(None, None)
    (False, True, False)
    """
    if registered_name is not None and ">" in registered_name:
        return True
    if module is None:
        return registered_name is not None
    return not (module == "keras" or module.startswith(_ROOTS))
