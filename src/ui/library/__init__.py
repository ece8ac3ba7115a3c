"""What adds, lists, checks and removes."""
