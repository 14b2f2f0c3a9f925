"""Every call of a layer or operation while a model runs, measured when it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np

from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT
from graphlint.model.observations import Numbers, ObservedCall
from graphlint.observing.numbers import array_of, dead_units, measured, measured_mask
from graphlint.tracing.outermost import OutermostCalls

_CALLS = 8
"""Calls of one layer that are measured: a cell of a recurrent layer is called for each step."""
_FLAT = 0.01
"""A slope, as a share of the steepest one, below which a unit hardly answers any more."""


class Calls(OutermostCalls):
    """The calls of the layers and operations of a model, in the order in which they return.

    What a call makes inside comes before it.
    """

    def __init__(self, paths: Mapping[int, str], *, probing: bool = False) -> None:
        super().__init__(paths)
        self.flows: list[tuple[str, bool]] = []
        """With ``probing``, instead of measures: the calls whose outputs a gradient reached, in the order of the way
        back, and whether it was finite."""
        self._probing = probing
        self.seen: list[ObservedCall] = []
        self.raised: str | None = None
        self.begun: list[ObservedCall] = []
        """What calls received that raised."""
        self.root: Any = None
        """What the outermost call of the root returned."""

    def classes(self) -> Iterable[type]:
        return [*super().classes(), keras.Operation]

    def called(self, layer: Any, args: Any, kwargs: Any, run: Callable[[], tuple[int, Any]]) -> Any:
        path = self.paths[id(layer)]
        before = len(self.seen)
        try:
            number, outputs = run()
        except Exception:
            if self.raised is None:
                self.raised = path
                self.begun.append(ObservedCall(layer=path, number=0, inputs=self._received(args, kwargs)))
            raise
        if path == ROOT:
            self.root = outputs
        if self._probing:
            return self._probed(path, outputs)
        if number < _CALLS:
            self._measure(layer, number, args, kwargs, outputs, innermost=len(self.seen) == before)
        return outputs

    def _measure(self, layer: Any, number: int, args: Any, kwargs: Any, outputs: Any, *, innermost: bool) -> None:
        arrays = [(one, array) for one in keras.tree.flatten(outputs) if (array := array_of(one)) is not None]
        if not arrays:
            return
        found = tuple(measured(array, keras.backend.standardize_dtype(one.dtype)) for one, array in arrays)
        first = arrays[0][1]
        unhealthy = not all(one.finite for one in found)
        received = self._received(args, kwargs) if unhealthy or isinstance(layer, _ASKED) else ()
        units = dead = each = 0
        if found[0].zeros and first.ndim > 1:
            units, dead, each = dead_units(first, _channel_axis(layer, first.ndim))
        self.seen.append(
            ObservedCall(
                layer=self.paths[id(layer)],
                number=number,
                inputs=received,
                outputs=found,
                units=units,
                dead_units=dead,
                rows_per_unit=each,
                saturated=_saturated(layer, args, first),
                mask=self._mask(layer, args, arrays[0][0]),
                innermost=innermost,
            )
        )

    def _probed(self, path: str, outputs: Any) -> Any:
        """The outputs of a call, of which each tells what gradient reaches it."""

        def reached(gradient: Any) -> None:
            array = array_of(gradient.detach() if hasattr(gradient, "detach") else gradient)
            if array is not None and array.dtype.kind == "f":
                self.flows.append((path, bool(np.isfinite(array).all())))

        def probed(tensor: Any) -> Any:
            if not keras.ops.is_tensor(tensor) or "float" not in keras.backend.standardize_dtype(tensor.dtype):
                return tensor
            found = keras_internals.telling(tensor, reached)
            mask = keras_internals.mask_of(tensor)
            if mask is not None:
                keras_internals.set_mask(found, mask)
            return found

        return keras.tree.map_structure(probed, outputs)

    def _received(self, args: Any, kwargs: Any) -> tuple[Numbers, ...]:
        arrays = [array_of(one) for one in keras.tree.flatten((args, kwargs)) if not isinstance(one, (bool, str))]
        return tuple(measured(one) for one in arrays if one is not None)

    def _mask(self, layer: Any, args: Any, output: Any) -> Any:
        if not isinstance(layer, (keras.layers.Embedding, keras.layers.Masking)):
            return None
        mask = array_of(keras_internals.mask_of(output))
        return None if mask is None else measured_mask(mask, array_of(args[0]) if args else None)


_ASKED = (
    keras.layers.Embedding,
    keras.layers.Rescaling,
    keras.layers.Normalization,
    keras.layers.Dense,
    keras.layers.RNN,
)
"""Layers of which rules ask what they receive."""


def _channel_axis(layer: Any, rank: int) -> int:
    return 1 if getattr(layer, "data_format", None) == "channels_first" and rank > 2 else -1


def _saturated(layer: Any, args: Any, output: np.ndarray) -> float | None:
    """The share of units of a sigmoid or tanh, or of the gates of a recurrent layer, that hardly answer any more."""
    if isinstance(layer, (keras.layers.LSTM, keras.layers.GRU)):
        return _saturated_gates(layer, args)
    activation = getattr(getattr(layer, "activation", None), "__name__", None)
    if activation not in ("sigmoid", "tanh") or output.dtype.kind != "f" or not output.size:
        return None
    slope = output * (1 - output) * 4 if activation == "sigmoid" else 1 - output * output
    return float(np.count_nonzero(slope < _FLAT)) / output.size


def _saturated_gates(layer: Any, args: Any) -> float | None:
    """Of the gates, by what reaches them from the inputs alone, as in the first step."""
    cell = layer.cell
    inputs, kernel = (array_of(args[0]) if args else None), array_of(getattr(cell, "kernel", None))
    sigmoid = getattr(cell.recurrent_activation, "__name__", None) == "sigmoid"
    if not sigmoid or inputs is None or kernel is None or inputs.ndim != 3 or not inputs.size:
        return None
    arguments = inputs.reshape(-1, inputs.shape[-1]).astype("float32") @ kernel
    bias = array_of(cell.bias)
    if bias is not None:
        arguments = arguments + bias.reshape(-1, kernel.shape[1]).sum(axis=0)
    units = cell.units
    gates = arguments[:, : 2 * units]
    if isinstance(layer, keras.layers.LSTM):
        gates = np.concatenate([gates, arguments[:, 3 * units :]], axis=1)
    with np.errstate(all="ignore"):
        values = 1 / (1 + np.exp(-gates))
    return float(np.count_nonzero(values * (1 - values) * 4 < _FLAT)) / float(values.size)
