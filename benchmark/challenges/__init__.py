"""Challenges: what their own evaluation prints of a submission, and what it leaves out."""
