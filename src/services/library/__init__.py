"""The library's own state: folders, files, what is missing, what is damaged."""
