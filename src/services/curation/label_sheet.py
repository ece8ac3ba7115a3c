"""What photos were classified as, as a table for other programs."""

from __future__ import annotations

import io

from src.database.catalog.catalog import Catalog
from src.export.sheet import Sheet

COLUMNS = ("photo", "label", "probability")


def label_sheet(catalog: Catalog) -> bytes:
    """Every photo's labels, answered or not, as CSV; a photo by its path."""
    target, rows = io.BytesIO(), catalog.labels.all()
    sheet = Sheet(target, COLUMNS)
    names = catalog.shown(list(dict.fromkeys(id_ for id_, _, _ in rows)))
    for id_, word, chance in rows:
        if id_ in names:
            sheet.add((names[id_].path_text, word, round(chance, 6)))
    return target.getvalue()
