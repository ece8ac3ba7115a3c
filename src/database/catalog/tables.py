"""The catalogue's tables with their columns and indexes; ``migrations`` makes them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from src.database.catalog.tolerant import tolerate
from src.schema.fields import FIELDS

metadata = sa.MetaData()

meta = sa.Table(
    "meta", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)

images = sa.Table(
    "images",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # UUIDv5 of sha256
    sa.Column("sha256", sa.Text, nullable=False, unique=True),
    sa.Column("width", sa.Integer, nullable=False),  # pixels, upright
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("taken_at", sa.Text),  # the camera's clock, ISO 8601
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("added_at", sa.Text, nullable=False, index=True),  # UTC, ISO 8601
    sa.Column("removed_at", sa.Text),  # hidden since: none of its files is there; vectors are kept
    sa.Column("rating", sa.Integer),  # the user's, else its file's; kept by triggers
    sa.Column("tags", sa.Integer, nullable=False, server_default="0"),  # how many it has; kept by triggers
)
sa.Index("ix_images_taken", images.c.taken_at, images.c.removed_at, images.c.id, images.c.rating)
sa.Index("ix_images_hidden", images.c.id, sqlite_where=images.c.removed_at.is_not(None))

files = sa.Table(
    "files",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("path", sa.LargeBinary, nullable=False, unique=True),  # os.fsencode
    sa.Column("path_text", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("device", sa.Integer, nullable=False),
    sa.Column("inode", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("uploaded", sa.Boolean, nullable=False),
    sa.Column("missing_since", sa.Text),  # UTC, ISO 8601: not there when last looked for; back when seen again
    sa.Column("ctime_ns", sa.Integer, nullable=False, server_default="0"),  # 0: unknown
)
sa.Index("ix_files_stamp", files.c.inode, files.c.size)
sa.Index("ix_files_missing", files.c.id, sqlite_where=files.c.missing_since.is_not(None))
sa.Index("ix_files_uploaded", files.c.image_id, sqlite_where=sa.text("uploaded = 1"))

OF_IMAGES = frozenset({"width", "height", "format", "taken_at"})
"""Facts that the table of images has."""
_COLUMNS: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "text": sa.Text, "words": sa.Text, "whole": sa.Integer, "number": sa.Float, "flag": sa.Boolean, "moment": sa.Text,
    "offset": sa.Text, "colours": sa.Text,
}  # fmt: skip
"""Kind of a fact's value -> its column. Several words or colours are a JSON array."""

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    *(sa.Column(field.name, _COLUMNS[field.kind]) for field in FIELDS if field.name not in OF_IMAGES),
    # the words for its colours, with a blank around each; null: not read yet
    sa.Column("colour_words", sa.Text),
    # what lay beside the photo and told of it, and how it was: facts are read anew where that changes
    sa.Column("beside", sa.Text),
)

folders = sa.Table(
    "folders",
    metadata,
    sa.Column("path", sa.LargeBinary, primary_key=True),  # os.fsencode, absolute
    sa.Column("path_text", sa.Text, nullable=False),
    sa.Column("watched", sa.Boolean, nullable=False),
    sa.Column("offline_since", sa.Text),
    sa.Column("synced_at", sa.Text),
    sa.Column("objects", sa.Boolean, nullable=False, server_default="0"),  # the objects in its photos are indexed too
    sa.Column("texts", sa.Boolean, nullable=False, server_default="0"),  # the text in its photos is read too
)

days = sa.Table(
    "days",
    metadata,
    # on which images were taken, YYYY-MM-DD; empty for those without a date
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("images", sa.Integer, nullable=False),  # that are not hidden; kept by triggers
)

unreadable = sa.Table(
    "unreadable",
    metadata,
    # a file that can't be indexed, so that it is not tried at every sync
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("device", sa.Integer, nullable=False),
    sa.Column("inode", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("reader", sa.Text, nullable=False),  # what refused it: another version of it tries again
    sa.Column("ctime_ns", sa.Integer, nullable=False, server_default="0"),  # 0: unknown
)

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("dimensions", sa.Integer),  # None until the first vector
    sa.Column("owner", sa.Text, nullable=False),  # library | user
    # vectors of hidden images included; kept by triggers
    sa.Column("rows", sa.Integer, nullable=False, server_default="0"),
    # grows with each change other than a new vector
    sa.Column("rewritten", sa.Integer, nullable=False, server_default="0"),
    sa.Column("kind", sa.Text, nullable=False, server_default="image"),  # what its vectors stand for, see kinds.py
)

changes = sa.Table(
    "changes",
    metadata,
    sa.Column("what", sa.Text, primary_key=True),
    # grows with each change to images, files, facts: what was counted is out of date
    sa.Column("number", sa.Integer, nullable=False),
)

vectors = sa.Table(
    "vectors",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("collection", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),  # float16 little-endian, norm 1
    sa.Column("metadata", sa.Text),  # JSON object
    # the image that what it stands for is in; None where that is the image itself, whose id it has
    sa.Column("image_id", sa.Text),
    sa.UniqueConstraint("collection", "id"),
    sqlite_autoincrement=True,
)
sa.Index("ix_vectors_image", vectors.c.collection, vectors.c.image_id, sqlite_where=vectors.c.image_id.is_not(None))

index_changes = sa.Table(
    "index_changes",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("collection", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),  # of a vector that came, changed or went; written by triggers
    # tells it from the same number of another past
    sa.Column("mark", sa.Integer, nullable=False, server_default=sa.text("(random())")),
    sqlite_autoincrement=True,
)
sa.Index("ix_index_changes", index_changes.c.collection, index_changes.c.number)

segments = sa.Table(
    "segments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # begins with the image's id; also the id of its vector
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("x0", sa.Integer, nullable=False),  # pixels of the upright image
    sa.Column("y0", sa.Integer, nullable=False),
    sa.Column("x1", sa.Integer, nullable=False),
    sa.Column("y1", sa.Integer, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("mask_height", sa.Integer, nullable=False),
    sa.Column("mask_width", sa.Integer, nullable=False),
    sa.Column("mask", sa.Text, nullable=False),  # COCO's compressed runs
)

looked_at = sa.Table(
    "looked_at",
    metadata,
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("pass", sa.Text, primary_key=True),  # which pass over all photos has looked at it
    sa.Column("recipe", sa.Text, nullable=False),  # with what: another one looks at it again
)
sa.Index("ix_looked_at_pass", looked_at.c["pass"], looked_at.c.recipe)

HASH_BYTES, GREY_BYTES, PIXELS_BYTES = 256, 1_024, 32
"""Of what is kept of an image's looks."""
prints = sa.Table(
    "prints",
    metadata,
    # what an image looks like, by which copies of it are found
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("hashes", sa.LargeBinary, nullable=False),  # PDQ hashes, one for each way to turn it
    sa.Column("quality", sa.Integer, nullable=False),  # of the hashes, 0 to 100
    sa.Column("grey", sa.LargeBinary, nullable=False),  # a very small copy
    sa.Column("pixels", sa.LargeBinary),  # BLAKE2 of its upright pixels; None where nobody needed it yet
)

texts = sa.Table(
    "texts",
    metadata,
    # what was read in an image
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("pixels", sa.LargeBinary, nullable=False, index=True),  # BLAKE2 of what was looked at
    # JSON array of [text, confidence, [x, y of four corners]]
    sa.Column("lines", sa.Text, nullable=False),
    sa.Column("folded", sa.Text, nullable=False),  # the same as searches compare it, a line each
)

alike = sa.Table(
    "alike",
    metadata,
    # two images that are the same picture, the one with the lower id first
    sa.Column("first", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("second", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True, index=True),
    sa.Column("turn", sa.Integer, nullable=False),  # what makes the second of the first, 0 to 7
    sa.Column("share", sa.Float, nullable=False),  # of the first that the second shows; over 1: the other way round
    sa.Column("match", sa.Float, nullable=False),  # their correlation
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    # what a person said of two images; kept when they are forgotten: they are known again by their bytes
    sa.Column("first", sa.Text, primary_key=True),
    sa.Column("second", sa.Text, primary_key=True),  # the first itself: several files with its bytes
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("decided_at", sa.Text, nullable=False),  # UTC, ISO 8601
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("params", sa.Text, nullable=False),  # JSON object
    sa.Column("progress", sa.Text),  # JSON of the last JobSnapshot
    sa.Column("cancel", sa.Boolean, nullable=False, default=False),
    sa.Column("pause", sa.Boolean),  # asked to pause; None in rows of an older version
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", sa.Text, nullable=False),
)

# What the user says of photos, and what can be undone. All of it is written by ``operations``.

marks = sa.Table(
    "marks",
    metadata,
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("rating", sa.Integer),  # said by the user, in place of the file's; None: nothing was said
    sa.Column("favourite", sa.Boolean, nullable=False, server_default="0"),
    sa.Column("note", sa.Text),
)

photo_tags = sa.Table(
    "photo_tags",
    metadata,
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),  # folded; the steps of a tree have a slash between them
    sa.Column("file", sa.Text),  # as the photo's file writes it; None where the file does not have it
    # as the user writes it; empty where he took it off, None where he said nothing of it
    sa.Column("said", sa.Text),
)
sa.Index("ix_photo_tags_tag", photo_tags.c.tag, photo_tags.c.image_id, photo_tags.c.said, photo_tags.c.file)

albums = sa.Table(
    "albums",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # a random UUID
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("folded", sa.Text, nullable=False, unique=True),  # the name, folded
    sa.Column("created_at", sa.Text, nullable=False),  # UTC, ISO 8601
)

album_photos = sa.Table(
    "album_photos",
    metadata,
    sa.Column("album_id", sa.Text, sa.ForeignKey("albums.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),  # ascending, with gaps
)
sa.Index("ix_album_photos_image", album_photos.c.image_id)

binned = sa.Table(
    "binned",
    metadata,
    # removed by the user and kept until the bin is emptied; hidden (images.removed_at) all that time
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("binned_at", sa.Text, nullable=False, index=True),  # UTC, ISO 8601
)

forgotten = sa.Table(
    "forgotten",
    metadata,
    # in the bin because no file of it was there: it leaves it where one is seen again
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("forgotten_at", sa.Text, nullable=False),  # UTC, ISO 8601
)

album_covers = sa.Table(
    "album_covers",
    metadata,
    # the photo that stands for an album, where one was chosen
    sa.Column("album_id", sa.Text, sa.ForeignKey("albums.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False, index=True),
)

discarded = sa.Table(
    "discarded",
    metadata,
    # a file in a followed folder whose photo was removed for good: no sync adds these bytes again
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("image_id", sa.Text, nullable=False, index=True),  # of its bytes; there is no such image
    sa.Column("device", sa.Integer, nullable=False),
    sa.Column("inode", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("ctime_ns", sa.Integer, nullable=False, server_default="0"),  # 0: unknown
)

successors = sa.Table(
    "successors",
    metadata,
    # the image that came to an image's path when its bytes changed, and took over what the user said of it
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("successor", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False, index=True),
)

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Text, nullable=False),  # UTC, ISO 8601
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("said", sa.Text, nullable=False),  # JSON object: what was asked for, and of how many photos
    sa.Column("changes", sa.LargeBinary, nullable=False),  # all that it changed, before and after: cells.packed
    sa.Column("undone_at", sa.Text),  # UTC, ISO 8601; None where it stands
    sqlite_autoincrement=True,
)

former = sa.MetaData()
"""Tables that an older version made and this one has replaced: they are only read, once."""
sa.Table(
    "segmented", former, *(sa.Column(name, sa.Text, nullable=False) for name in ("image_id", "recipe", "collection"))
)

tolerate(metadata)
CHANGES = sa.select(sa.func.max(changes.c.number))
"""A number that is another one after each change to images, files or facts, and to what was looked at."""
SEEN = sa.select(sa.func.coalesce(sa.func.sum(days.c.images), 0))
"""The number of images that are not hidden; counting them would go through all of them."""
