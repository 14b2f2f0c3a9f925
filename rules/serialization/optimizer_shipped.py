"""K009: the size of the optimizer state in the file."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.edits import DropOptimizer
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.references import last_name

_DROPPED = Fix.unsafe("remove it", "further training starts with a new optimizer state", DropOptimizer())


class OptimizerShipped(Rule):
    """The file contains the state of the optimizer.

    ## What it does
    Reports how many bytes the optimizer's variables take in a file, or will take in one, and their share of all values.

    ## Why is this bad?
    It is needed to continue training and useless for anything else. Adam triples the size of a file.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    ```

    ## Fix
    Unsafe: the state is removed; the compile configuration stays. Outputs stay exactly equal, and further training
    starts with a new optimizer state. In code: compile the model again before saving it; `include_optimizer=False` is
    for `.h5` files alone.

    ## Not reported
    An optimizer without state (plain SGD, or one that was never used).

    ## References
    Measured on ResNet50 with Adam: 308 MB for 103 MB.
    """

    code = "K009"
    name = "optimizer-shipped"
    severity = Severity.INFO
    in_code = "Reads configurations, in which the bodies that code makes are not."
    needs = frozenset({Need.WEIGHTS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        optimizer = graph.optimizer
        if optimizer is None:
            return
        state = [variable for variable in optimizer.variables if variable.shape and variable.values is not None]
        size = sum(variable.values.nbytes for variable in state if variable.values is not None)
        if not size:
            return
        weights = sum(one.values.nbytes for one in graph.variables.values() if one.values is not None)
        name, share = last_name(optimizer.class_name), size / (size + weights)
        yield Problem(
            f"the state of {name} takes {size:,} bytes, {share:.0%} of all values that "
            f"{'model.save writes' if graph.live else 'are stored'}",
            None,
            "For a file that is only used for inference, compile the model again before saving it: the new optimizer "
            "has no state.",
            fix=_DROPPED,
        )
