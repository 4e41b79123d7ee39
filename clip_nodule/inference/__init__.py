"""What a trained run is used for: scores, explanations, calibration, and the Python API."""
