"""What the user says of his photos, which of them he removes, and how all of that is undone."""
