"""A run: its settings, its folder and its checkpoints."""
