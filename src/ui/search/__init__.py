"""What asks, and shows what was found."""
