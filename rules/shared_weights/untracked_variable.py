"""S008: variables that are arguments of calls and belong to no layer."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.definition import Constant, ConstantKind
from graphlint.model.expand import MASK_ARGUMENTS
from graphlint.model.graph import ModelGraph

_MASKED = -1000.0
"""Values below this are added to attention scores to mask them."""


_CHANNELS = 3


class UntrackedVariable(Rule):
    """A variable is used in the graph but belongs to no layer.

    ## What it does
    On a live model, finds a `keras.Variable` that is an argument of a call (`x * variable`). In a file, in which such a
    variable has become a constant, reports constant floating-point tensors as info: each may have been a variable, or
    the output of a layer for a constant when the model was built, such as `embedding(ops.arange(n))`.

    ## Why is this bad?
    Keras only tracks the variables of layers. This one is not in `model.weights`, no optimizer trains it, and saving
    writes its current value into the configuration as a constant. If it belongs to a layer elsewhere, saving breaks the
    tie.

    ## Example
    ```python
    inputs = keras.Input((4,))
    scale = keras.Variable(np.array([1.0, 2.0, 3.0, 4.0], "float32"))
    model = keras.Model(inputs, layers.Dense(2)(inputs * scale))
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    scale = layers.EinsumDense("ab,b->ab", output_shape=(4,), name="scale")
    model = keras.Model(inputs, layers.Dense(2)(scale(inputs)))
    ```

    ## Fix
    None: put the variable into a layer: `self.add_weight(...)` in the `build` of a small `keras.Layer`.

    ## Not reported
    Scalars that are not trainable; masks, and tables of zeros and ones; integer and boolean tensors; NumPy constants;
    constants of up to three values, such as the channel means of images.
    """

    code = "S008"
    name = "untracked-variable"
    severity = Severity.WARNING
    in_code = "Quiet: code may use any variable that its layer tracks, and no configuration holds it."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        tracked = {id(variable.obj): variable.id for variable in graph.variables.values() if variable.obj is not None}
        seen: set[int] = set()
        for call in map(graph.calls.__getitem__, graph.with_constants):
            if id(call.definition) in seen:
                continue
            seen.add(id(call.definition))
            if graph.in_code(call.id):
                continue
            for argument, leaf in graph.leaves(call.id):
                if isinstance(leaf, Constant) and argument.partition("/")[0] not in MASK_ARGUMENTS:
                    if leaf.kind == ConstantKind.VARIABLE:
                        yield from self.variable(call.id, argument, leaf, tracked)
                    elif leaf.kind == ConstantKind.TENSOR and _may_have_been_trained(leaf):
                        yield Problem(
                            f"argument {argument} is a constant tensor {list(_shape(leaf) or ())} baked into the "
                            "configuration: if a variable or a layer made it, nothing trains that",
                            call.id,
                            "Put it into a layer (self.add_weight) if it should train; otherwise nothing is wrong.",
                            severity=Severity.INFO,
                            key=argument,
                        )

    @staticmethod
    def variable(call: str, argument: str, leaf: Constant, tracked: dict[int, str]) -> Iterator[Problem]:
        shape = list(leaf.shape or ())
        owner = tracked.get(id(leaf.obj))
        if owner is not None:
            yield Problem(
                f"argument {argument} is the variable {owner} {shape}: saving bakes its value into the configuration "
                "as a constant, and the tie is lost",
                call,
                "Use the variable inside a layer, or call the layer that holds it.",
                related=(owner,),
                key=argument,
            )
        elif shape or getattr(leaf.obj, "trainable", False):
            yield Problem(
                f"argument {argument} is a keras.Variable {shape} that belongs to no layer: it is not in "
                "model.weights, no optimizer trains it, and saving turns it into a constant",
                call,
                "Put it into a layer: self.add_weight(...) in the build method of a keras.Layer.",
                key=argument,
            )


def _shape(leaf: Constant) -> tuple[int | None, ...] | None:
    if leaf.shape is not None:
        return leaf.shape
    shape: list[int] = []
    value = leaf.value
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _may_have_been_trained(leaf: Constant) -> bool:
    """Floating point, more than one value per channel, and not only the values of masks: 0, 1, large negative."""
    if leaf.dtype is not None and not leaf.dtype.startswith(("float", "bfloat")):
        return False
    count, telling = 0, False
    stack = [leaf.value]
    while stack and not (telling and count > _CHANNELS):
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        elif not isinstance(value, float):
            return False
        else:
            count += 1
            telling = telling or (value not in (0.0, 1.0) and value > _MASKED)
    return telling and count > _CHANNELS
