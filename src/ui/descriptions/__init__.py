"""The page that has photos described: by which server, within which limits, and how many wait for it."""
