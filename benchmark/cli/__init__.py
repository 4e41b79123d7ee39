"""The ``bench`` command line: one file a command, options in, one library call, where the result is."""
