"""The backbone, its heads, and networks built from settings or run folders."""
