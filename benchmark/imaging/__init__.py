"""What is true of a CT scan whoever reads it: whether its values are HU, and whether its slices are one stack."""
