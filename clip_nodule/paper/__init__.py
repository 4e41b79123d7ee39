"""Files and checkpoints of the paper's own code."""
