"""Which of the two indexes a library uses: the one in its own folder, or a Chroma server's."""

from __future__ import annotations

import uuid

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.index.chroma_local import ChromaIndex
from src.database.index.chroma_server import ChromaServer
from src.database.index.protocol import Index

LIBRARY_ID = "library_id"
"""Tells libraries that share a Chroma server apart, together with the folder: a copy of a library is another one."""


def chosen_index(settings: Settings, catalog: Catalog, read_only: bool) -> Index:
    """The library's own, or the server's where one is named; for reading only, none is ever opened."""
    if settings.chroma_url is None or read_only:
        return ChromaIndex(settings.chroma_dir, lambda: [collection.name for collection in catalog.vectors.all()])
    if catalog.get_meta(LIBRARY_ID) is None:
        catalog.set_meta(LIBRARY_ID, uuid.uuid4().hex)
    return ChromaServer(settings.chroma_url, f"{catalog.get_meta(LIBRARY_ID)} {settings.home.absolute()}")
