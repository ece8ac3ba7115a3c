"""Finding the nearest vectors by whichever way is cheapest: an exact scan, memory, or the index."""
