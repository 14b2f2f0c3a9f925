"""Mutation benchmark: clean models, one fault injected at one place, and what the rules say about it.

`clean` builds the models, `mutant` says what a fault is and how to rebuild a model with one, `stored` edits saved
files, and one module for each family of rules holds its injectors. ``run.py`` prints the table.
"""
