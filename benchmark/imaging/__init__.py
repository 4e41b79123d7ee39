"""What is true of a CT scan whoever reads it: whether its values are HU, and whether its slices are one stack."""

from benchmark.extras import require_extra

require_extra("ct", "work with CT scans")
