"""The folds of a run, in stacks that are trained in lockstep."""
