"""What a vector of the library stands for: a whole image, something in one, or what is said of one.

The collection says which, the vector in which image.
"""

from __future__ import annotations

import sqlalchemy as sa

from src.database.catalog.tables import vectors
from src.schema import Kind

IMAGE: Kind = "image"
TEXT: Kind = "text"
DESCRIPTIONS = "text-descriptions-all-MiniLM-L6-v2"
"""The collection of what is said of images in words, one text an image, whose id its vector has. Whichever model looks
at images, these stay.
"""


def image_column(kind: str) -> sa.ColumnElement[str]:
    """Where a vector of that kind has the id of its image: as its own id, or beside it.

    Hand-made collections are of kind ``image``; their ids are in no row of an image.
    """
    return vectors.c.id if kind == IMAGE else vectors.c.image_id
