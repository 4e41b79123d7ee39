"""What is told of every epoch of a fold: a table, and the logs that a run asks for."""
