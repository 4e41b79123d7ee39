"""The parts of a training run: data, images, folds, losses, states, early stopping."""
