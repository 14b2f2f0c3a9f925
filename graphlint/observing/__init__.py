"""Running a model on one batch of data, on a copy of its state, and recording what each layer did."""
