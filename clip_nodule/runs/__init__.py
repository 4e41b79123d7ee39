"""A run: its settings, its folder, its checkpoints and calibrations, and the networks they make."""
