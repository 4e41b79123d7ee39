"""Predictions of a table, or of arrays, compared without a cohort folder and score tables."""
