"""Readers of CT files, one a format, and the map from voxels to millimetres."""
