"""The page Map: the library as a picture of points."""
