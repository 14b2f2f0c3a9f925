"""How releases of Keras read files, where they differ: measured by loading, because their sources do not list it."""

from __future__ import annotations

from graphlint.knowledge.releases import RELEASES

KERAS_3 = RELEASES.index("3.0")
NESTED = RELEASES.index("3.4")
"""From this release on Keras writes and reads the inputs and outputs of a model with their structure."""
NO_IMPORTS = RELEASES.index("3.9")
"""From this release on Keras imports no modules but its own to find a class."""
FUNCTIONS_FOUND = RELEASES.index("3.14")
"""From this release on Keras looks up every string in an HDF5 file among the functions of ``keras.layers`` too."""

SHORT_LOSSES = frozenset({"bce", "kld", "mae", "mape", "mse", "msle"})
"""Short names of losses that Keras 3 takes in ``compile`` and refuses in the training configuration of an HDF5 file."""
OLD_OPTIMIZERS = ("keras.optimizers.legacy", "keras.optimizers.experimental", "keras.src.optimizers.legacy")
"""Where Keras 2 has optimizers that Keras 3 does not find."""
