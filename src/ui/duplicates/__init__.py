"""The page Duplicates: groups of copies one after the other, compared and decided about, or many at once by a rule."""
