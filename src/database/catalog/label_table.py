"""The table of labels that photos got by classifying the library: suggestions, until their owner answers them."""

from __future__ import annotations

import sqlalchemy as sa

from src.database.catalog.tables import metadata
from src.database.catalog.tolerant import tolerate

labels = sa.Table(
    "labels",
    metadata,
    # a label that an image got, and how likely it is right
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),  # folded, as photo_tags has it
    sa.Column("word", sa.Text, nullable=False),  # as it is written
    sa.Column("chance", sa.Float, nullable=False),  # 0 to 1
)
sa.Index("ix_labels_tag", labels.c.tag, labels.c.chance)

tolerate(metadata)
