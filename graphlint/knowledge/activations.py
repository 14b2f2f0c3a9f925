"""Activations under names that are not Keras's own."""

from __future__ import annotations

FOREIGN_ACTIVATIONS = {
    "softmax_v2": "softmax",
    "log_softmax_v2": "log_softmax",
    "identity": "linear",
    "exp": "exponential",
}
"""Functions of TensorFlow that were given as activations, by the names under which Keras stores them, and what Keras
calls them. ``tf.nn.relu`` and most others have one name in both: Keras stores ``tf.nn.softmax`` as ``softmax_v2``, in
``builtins``, and cannot load that again. Measured on Keras 3.15 with TensorFlow 2.21."""
