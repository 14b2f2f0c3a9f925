"""The modules of released Keras that hold what a configuration may name.

They are those below ``keras`` and below ``keras.src`` of the released packages; what no model is made of (backends,
callbacks, datasets, tests) is left out.
"""

from __future__ import annotations

from graphlint.knowledge.tables import read_table


def is_keras_module(module: str) -> bool:
    """Whether a dotted name is a module of some release of Keras.

    >>> is_keras_module("keras.src.layers.core.dense"), is_keras_module("keras.src.layers.evil")
    (True, False)
    """
    root, _, rest = module.partition(".")
    return root == "keras" and (rest in ("", "src") or rest.removeprefix("src.") in read_table("modules"))
