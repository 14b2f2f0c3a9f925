"""House rules."""

from graphlint import Problem, Rule, Severity


class RawImage(Rule):
    """An image enters the model and is never rescaled.

    ## What it does
    Reports image inputs, of rank 4, from which no path leads through a Rescaling layer.

    ## Why is this bad?
    Our cameras give bytes from 0 to 255, and our services send them to the model as they are.

    ## Example
    ```python
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, layers.Conv2D(4, 3)(image))
    ```

    ## Use instead
    ```python
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(image)))
    ```

    ## Fix
    None: put a Rescaling layer after the input and train again.

    ## Not reported
    Inputs of other ranks.
    """

    code = "HR001"
    name = "raw-image"
    severity = Severity.WARNING

    def check(self, graph):
        for image in graph.inputs:
            reached = {graph.layer(node).class_name for node in graph.descendants([image]) if node in graph.calls}
            shape = graph.calls[image].outputs[0].shape
            if shape is not None and len(shape) == 4 and "Rescaling" not in reached:
                yield Problem("an image that is never rescaled", image, "Put Rescaling(1 / 255) after it.")
