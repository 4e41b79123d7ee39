"""Weights that others trained: where they come from, how their tensors are named, reading them safely."""
