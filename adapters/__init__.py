"""Readers of what other risk models write: one system a file, a model card and a ``read`` function each."""
