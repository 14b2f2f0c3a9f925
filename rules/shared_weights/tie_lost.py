"""S007: an embedding table that is stored again as the kernel of a Dense layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graphlint.engine.rule import Need, Rule
from graphlint.findings.edits import TieReversed
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.equal_weights import equal, equal_transposed, may_be_equal
from graphlint.questions.sharing import tied_across_layers

if TYPE_CHECKING:
    from graphlint.model.graph import Variable


class TieLost(Rule):
    """An Embedding and a Dense layer hold the same values in two variables.

    ## What it does
    Compares the table of every Embedding with every Dense kernel of the same or the transposed shape.

    In memory also reports a variable that two built-in layers hold, since a file cannot say so.

    ## Why is this bad?
    The two used to be tied (`dense.kernel = transpose(embedding)`), or one was copied into the other. As two variables
    they diverge with the next training step, take twice the memory, and are counted twice.

    ## Example
    ```python
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(40, 8, name="tokens")(inputs)
    model = keras.Model(inputs, layers.Dense(40, use_bias=False, name="logits")(x))
    table = model.get_layer("tokens").get_weights()[0]
    model.get_layer("logits").set_weights([table.T])
    ```

    ## Use instead
    ```python
    inputs = keras.Input((6,), dtype="int32")
    tokens = layers.ReversibleEmbedding(40, 8, name="tokens")
    model = keras.Model(inputs, tokens(tokens(inputs), reverse=True))
    ```

    ## Fix
    Unsafe: one `keras.layers.ReversibleEmbedding` replaces both, called with `reverse=True` for the output, and trains
    as one variable. Outputs stay equal up to rounding. Offered for a Dense without bias, in the same model as the
    Embedding, whose kernel is the transposed table; a Dense with a bias has to be rewritten as a small custom layer.

    ## Not reported
    `ReversibleEmbedding`, which holds one variable; tables of fewer than 256 elements; constant tables.

    ## References
    keras-team/keras#10485
    """

    code = "S007"
    name = "tie-lost"
    severity = Severity.INFO
    needs = frozenset({Need.GRAPH, Need.NUMBERS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        if graph.live:
            for variable, first, second in tied_across_layers(graph):
                yield Problem(
                    f"one variable of {variable.size:,} values is held by {first} and by {second}: saving stores it "
                    "twice, and after loading there are two",
                    second,
                    "Call one layer in both places, or write a custom layer that receives the other layer and uses its "
                    "variable; for an Embedding and its output use keras.layers.ReversibleEmbedding.",
                    related=(first,),
                    severity=Severity.WARNING,
                    key=variable.id,
                )
        tables = self.matrices(graph, "Embedding")
        kernels = self.matrices(graph, "Dense", "EinsumDense") if tables else {}
        for shape, embeddings in tables.items():
            straight = kernels.get(shape, [])
            turned = kernels.get((shape[1], shape[0]), [])
            for table in embeddings:
                pair = next((k for k in straight if may_be_equal(graph, table, k) and equal(table, k)), None)
                how = ""
                if pair is None:
                    how = " transposed"
                    pair = next(
                        (k for k in turned if may_be_equal(graph, table, k) and equal_transposed(table, k)), None
                    )
                if pair is not None:
                    yield Problem(
                        f"the table {list(shape)} equals the{how} kernel of a Dense layer: {table.size:,} values are "
                        "stored and trained twice",
                        table.layer,
                        "Tie them: use keras.layers.ReversibleEmbedding and call it with reverse=True for the output.",
                        related=(pair.layer,),
                        fix=_tied(graph, table, pair) if how else None,
                    )

    @staticmethod
    def matrices(graph: ModelGraph, *class_names: str) -> dict[tuple[int, ...], list[Variable]]:
        found: dict[tuple[int, ...], list[Variable]] = {}
        for variable in graph.variables.values():
            if len(variable.shape) == 2 and graph.layers[variable.layer].traits.name in class_names:
                found.setdefault(variable.shape, []).append(variable)
        return found


def _tied(graph: ModelGraph, table: Variable, kernel: Variable) -> Fix | None:
    """Ties them in a way that survives saving: one layer, called in reverse for the output."""
    embedding, dense = graph.layers[table.layer], graph.layers[kernel.layer]
    if dense.traits.name != "Dense":
        return None
    direct = all(graph.called_directly(layer.path) for layer in (embedding, dense))
    if not direct or embedding.parent != dense.parent or dense.config.get("use_bias", True) is not False:
        return None
    edit = TieReversed(embedding=embedding.path, dense=dense.path)
    changes = "both places train as one variable, and the Embedding called in reverse replaces the Dense layer"
    return Fix.unsafe("use one ReversibleEmbedding for both", changes, edit)
