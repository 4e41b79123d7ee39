"""What every command writes by: locks, lists of its own files, records of what was run."""
