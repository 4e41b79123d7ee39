"""Figures for a manuscript: those of the page at a journal's column widths, by matplotlib without a browser."""
