"""Seeded faults that the tests must catch: run by ``python -m tests.mutation`` (make mutation)."""
