"""What needs a CUDA device: tests, and the measurements of ``make gpu``."""
