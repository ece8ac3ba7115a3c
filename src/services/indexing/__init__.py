"""From files to vectors in the library."""
