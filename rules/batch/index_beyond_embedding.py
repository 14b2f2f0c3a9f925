"""B006: an Embedding is asked for rows that it does not have."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import odd_lookups, shown, span


class IndexBeyondEmbedding(Rule):
    """An Embedding receives indices that it has no row for.

    ## What it does
    Reports an Embedding that receives negative numbers, fractions, or indices not below its `input_dim`. Arrays that
    are the input of the model are looked at whole, other data one batch.

    ## Why is this bad?
    What happens depends on the backend and device: an exception, rows of zeros or NaN, or silently another row.
    Fractions are cut off: scaled indices all become row 0.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((5,)), layers.Embedding(10, 4), layers.Flatten(), layers.Dense(1)])
    model.compile("adam", "mse")
    data = np.arange(40).reshape(8, 5) % 11, np.random.rand(8, 1)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((5,)), layers.Embedding(11, 4), layers.Flatten(), layers.Dense(1)])
    model.compile("adam", "mse")
    data = np.arange(40).reshape(8, 5) % 11, np.random.rand(8, 1)
    ```

    ## Fix
    None: give the Embedding one row more than the highest index, or map the indices.

    ## Not reported
    An Embedding that is called in reverse.
    """

    code = "B006"
    name = "index-beyond-embedding"
    severity = Severity.ERROR
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for found in odd_lookups(graph):
            numbers = found.numbers
            if not numbers.whole:
                message = (
                    f"receives numbers from {span(numbers)} with fractions, of which only the integer part is looked up"
                )
                yield Problem(message, found.layer, "Give it the indices as they are, and do not scale them.")
            else:
                needed = shown(numbers.maximum + 1)
                yield Problem(
                    f"receives indices from {span(numbers)}, and its {found.rows:,} rows are 0 to {found.rows - 1:,}",
                    found.layer,
                    f"Set input_dim={needed}." if numbers.minimum >= 0 else "Map the indices to numbers from 0.",
                )
