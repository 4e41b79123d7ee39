"""Cohort folders: one reader a public source, patient folds, phantoms."""
