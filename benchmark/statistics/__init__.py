"""Intervals and tests on cases, folds and cohorts: pure functions, seeds passed in."""
