"""Imaging Data Commons (IDC): which of its series hold a cohort's scans, and fetching them."""
