"""Measured coverage of intervals and level of tests: run by ``python -m tests.coverage`` (make coverage)."""
