"""What a trained run is used for: scores, explanations, and the Python API."""
