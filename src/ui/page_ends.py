"""Ends of the pages' addresses. On its own, for the server needs them before anything large is imported."""

TEXT, IMAGE, LIBRARY, MAP = "", "image", "library", "map"
"""Of the pages that show photos. All others show nothing that is worth a link but where is searched."""
ENDS = (
    IMAGE,
    LIBRARY,
    MAP,
    "upload",
    "about",
    "collections",
    "duplicates",
    "descriptions",
    "history",
    "bin",
    "insights",
    "lab",
    "labels",
)
"""Of all pages, but for the first's, which has none."""
