"""The approximate index, which can always be made again from the catalogue."""
