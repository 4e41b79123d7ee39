"""From score tables and a cohort to every number that a table or a figure shows."""
