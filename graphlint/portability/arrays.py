"""The stored numbers of layers of Keras 1 and of cuDNN, as today's layers of the same function have them.

Sources: the conversions that Keras 2 itself makes when it loads such files (``preprocess_weights_for_loading``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from graphlint.errors import Unmendable
from graphlint.model.definition import LayerDefinition, VariableDefinition

if TYPE_CHECKING:
    import numpy as np

_PIECE = 1 << 20
_GATES = {"LSTM": 4, "GRU": 3}
_KERAS_1_GATES = {"LSTM": (0, 2, 1, 3), "ConvLSTM2D": (0, 2, 1, 3), "GRU": (0, 1, 2)}
"""Where the gates in the order of Keras 3 were in Keras 1, which stored each with its own three arrays."""


class Held:
    """The values of one variable that no file holds in this form."""

    def __init__(self, array: np.ndarray, position: int) -> None:
        self.array = array
        self.nbytes = int(array.nbytes)
        self._position = position

    @property
    def position(self) -> int:
        return self._position

    def read(self) -> np.ndarray:
        return self.array

    def chunks(self) -> Iterator[np.ndarray]:
        flat = self.array.reshape(-1)
        step = max(1, _PIECE // max(1, flat.itemsize))
        for start in range(0, flat.size, step):
            yield flat[start : start + step]


def of_cudnn(class_name: str, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Kernel, recurrent kernel and bias of a CuDNNLSTM or CuDNNGRU as those of ``LSTM`` or ``GRU(reset_after=True)``.

    cuDNN keeps the input kernel of each gate in the order of Fortran, the recurrent one transposed, and two biases,
    which an LSTM has as their sum.

    Args:
        class_name: ``LSTM`` or ``GRU``.
        arrays: of shapes (inputs, gates * units), (units, gates * units) and (2 * gates * units,).
    """
    import numpy as np

    gates = _GATES[class_name]
    kernel, recurrent, bias = arrays
    turned = [one.T.reshape(one.shape, order="F") for one in np.split(kernel, gates, axis=1)]
    transposed = [one.T for one in np.split(recurrent, gates, axis=1)]
    both = bias.reshape(2, -1)
    return [np.hstack(turned), np.hstack(transposed), both.sum(axis=0) if class_name == "LSTM" else both]


def of_keras_1_gates(class_name: str, arrays: Sequence[np.ndarray], channels_first: bool) -> list[np.ndarray]:
    """The three arrays of each gate as the three arrays of the layer, the gates beside each other on the last axis."""
    import numpy as np

    order = _KERAS_1_GATES[class_name]
    found = [np.concatenate([arrays[3 * gate + part] for gate in order], axis=-1) for part in range(3)]
    if class_name == "ConvLSTM2D" and channels_first:
        # Each of its kernels is (filters, channels, rows, columns): the gates are joined on that first axis.
        for part in range(2):
            joined = np.concatenate([arrays[3 * gate + part] for gate in order], axis=0)
            found[part] = joined.transpose(2, 3, 1, 0)
    return found


def of_keras_1_kernel(class_name: str, kernel: np.ndarray, channels_first: bool, filters: object = None) -> np.ndarray:
    """A convolution's kernel with the axes (space..., channels, filters), or as its layer has them today."""
    if class_name == "Conv1D" and kernel.ndim == 4:
        if kernel.shape[1] != 1 or kernel.shape[3] != filters:
            # (filters, channels, length, 1), as Keras 1.1 wrote it.
            kernel = kernel.transpose(2, 3, 1, 0)
        return kernel[:, 0]
    if class_name == "Conv2DTranspose":
        return kernel.transpose(2, 3, 0, 1) if channels_first else kernel.transpose(0, 1, 3, 2)
    if not channels_first:
        return kernel
    return kernel.transpose(*range(2, kernel.ndim), 1, 0)


def turned(kernel: np.ndarray) -> np.ndarray:
    """A kernel of a convolution as that of a correlation: turned around on each axis of space."""
    import numpy as np

    return np.flip(kernel, tuple(range(kernel.ndim - 2)))


# -- variables --------------------------------------------------------------------------------------------------


def recurrent_variables(layer: LayerDefinition) -> list[VariableDefinition]:
    """The variables of a recurrent layer or cell, which the layer's cell holds."""
    cell = layer.children.get("cell")
    return cell.variables if cell is not None and not layer.variables else layer.variables


def arrays_of(variables: list[VariableDefinition]) -> list[np.ndarray]:
    """The numbers of variables.

    Raises:
        Unmendable: the file does not have those of one.
    """
    found = []
    for variable in variables:
        if variable.values is None:
            raise Unmendable(f"the values of {variable.slot} are not in this file")
        found.append(variable.values.read())
    return found


def change(variable: VariableDefinition, function: Callable[[np.ndarray], np.ndarray]) -> None:
    """Let a variable have what a function makes of its numbers."""
    position = variable.values.position if variable.values is not None else 0
    array = function(arrays_of([variable])[0])
    variable.values, variable.shape = Held(array, position), tuple(array.shape)


def give_cell(layer: LayerDefinition, arrays: list[np.ndarray]) -> None:
    """Let the cell of a recurrent layer, and not the layer, have a kernel, a recurrent kernel and a bias."""
    rank = {"rank": layer.traits.rank} if layer.traits.rank is not None else {}
    cell = layer.children["cell"] = LayerDefinition(
        f"{layer.name}_cell",
        layer.traits.cell,
        "keras.layers",
        config={**layer.config, **rank},
        trainable=layer.trainable,
    )
    layer.variables = []
    for index, (slot, array) in enumerate(zip(("kernel", "recurrent_kernel", "bias"), arrays, strict=True)):
        cell.variables.append(
            VariableDefinition(
                slot,
                index,
                tuple(array.shape),
                dtype=str(array.dtype),
                trainable=layer.trainable,
                values=Held(array, index),
            )
        )
