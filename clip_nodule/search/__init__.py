"""Comparing settings on validation patients: what is varied, what is tried next, and what came of it."""
