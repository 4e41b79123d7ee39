"""Metrics of discrimination, operating points, calibration and utility: pure functions."""
