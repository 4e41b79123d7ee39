"""The files that the parts hand to each other: nodule table, cohort folder, score table, metric table.

Readers are strict: they report every problem of a file at once, with its line and column. Ids are text from end
to end, and missing stays missing.
"""
