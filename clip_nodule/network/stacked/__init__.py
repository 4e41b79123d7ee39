"""Several folds as one network: shared frozen encoders, adapters and heads stacked along a leading axis."""
