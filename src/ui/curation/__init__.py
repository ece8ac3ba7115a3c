"""Tags, ratings, notes, albums, the bin and the history, on the pages."""
