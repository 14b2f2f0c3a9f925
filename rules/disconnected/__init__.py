"""Rules about layers, inputs and outputs that nothing connects."""
