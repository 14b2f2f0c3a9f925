"""A graph as boxes to draw: what folds, what repeats, what each box says and which marks it has."""
