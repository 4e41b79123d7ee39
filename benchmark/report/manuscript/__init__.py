"""Figures for a manuscript: those of the page at a journal's column widths, drawn by matplotlib without a browser."""
