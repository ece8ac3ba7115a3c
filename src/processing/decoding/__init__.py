"""From a file's bytes to upright RGB pixels and facts, without harm from hostile files."""
