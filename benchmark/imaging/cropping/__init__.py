"""From scans to the crop store: what to sample, how, in which process, and where it is kept."""
