"""K013: layers of an older release that load and compute something else."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Rewrite
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.portability.drift import drifts
from graphlint.portability.rewriting import hindrance

_SCALED = Fix.safe("scale what it is applied to, and rewrite the file", Rewrite())


class ComputesOtherwise(Rule):
    """A file of Keras 1 or 2 loads, or its weights do, and Keras 3 computes something else.

    ## What it does
    Reports, in a file that Keras 1 or 2 wrote, what is computed otherwise in Keras 3:

    - `hard_sigmoid`, which was `clip(0.2 * x + 0.5, 0, 1)` and is `clip(x / 6 + 0.5, 0, 1)`; it was the default
      `recurrent_activation` of LSTM and GRU;
    - masks that meet in an Add, a Concatenate or another merging layer, of which Keras 2 keeps the steps that all keep,
      Keras 3 those that any input keeps; and those that Rescaling, Normalization and Identity hand on in Keras 3 alone;
    - `RandomCrop`, which cropped outside of training as well.

    ## Why is this bad?
    `load_model` says nothing. With `hard_sigmoid` each gate is off by up to 0.083, at every step of time: in a model
    that writes text, four of ten characters came out otherwise.

    ## Example
    ```python
    import h5py

    x = keras.Input((4,))
    path = tmp_path / "bad.h5"
    keras.Model(x, layers.Dense(2, activation="hard_sigmoid")(x)).save(path)
    with h5py.File(path, "a") as file:
        file.attrs["keras_version"] = "2.2.4"
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2, activation="hard_sigmoid")(x))
    ```

    ## Fix
    Safe: what the function is applied to is multiplied by 1.2, which makes the new function of it the old one, but for
    rounding: the kernels and biases of dense and convolutional layers, those of the gates of LSTM, GRU and ConvLSTM,
    and before an Activation a Rescaling. Regularizers and constraints see the scaled weights when training goes on.
    None where no change of weights is exact: an LSTM with `activation="hard_sigmoid"`, a custom layer, masks,
    RandomCrop.

    ## Not reported
    Files that Keras 3 wrote, and models in memory: what they compute is what was trained, or was reported on the file
    that they come from; masks that nothing after the layer uses, and one mask that meets itself.

    ## References
    Measured on Keras 2.15 and 3.15.
    """

    code = "K013"
    name = "computes-otherwise"
    severity = Severity.WARNING
    preview = True
    needs = frozenset()

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found = drifts(graph)
        refused = hindrance(graph.definition) if found else None
        for drift in found:
            first, *others = drift.nodes
            why = drift.refused or refused
            yield Problem(
                drift.message,
                first,
                "Rewrite the file with `graphlint fix`, which scales the weights so that outputs stay."
                if why is None
                else f"Load it with tf_keras, or build the model again: {why}.",
                related=tuple(others),
                fix=None if why is not None else _SCALED,
                key=drift.message,
            )
