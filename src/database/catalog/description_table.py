"""The table of what models say is in pictures, and the triggers that keep what hangs on it in step."""

from __future__ import annotations

import sqlalchemy as sa

from src.database.catalog.kinds import DESCRIPTIONS
from src.database.catalog.lexical_tables import notes_of
from src.database.catalog.tables import metadata
from src.database.catalog.tolerant import tolerate

descriptions = sa.Table(
    "descriptions",
    metadata,
    # what a model said is in an image, or the user in its place
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("scene_summary", sa.Text, nullable=False),
    sa.Column("objects", sa.Text, nullable=False),  # JSON array of [label, colour, position]
    sa.Column("said", sa.Text, nullable=False),  # all of it as sentences, as it is searched
    sa.Column("model", sa.Text, nullable=False),  # that said it first; empty where none did
    sa.Column("made_at", sa.Text, nullable=False),  # UTC, ISO 8601
    sa.Column("by_hand", sa.Boolean, nullable=False, server_default="0"),  # the user wrote it, or changed it
    sa.Column("deleted", sa.Boolean, nullable=False, server_default="0"),  # by the user, who wants no other
    # how it was made: these stay as they are whatever the user says
    sa.Column("recipe", sa.Text, nullable=False, server_default=""),
    sa.Column("pixels", sa.LargeBinary, index=True),  # BLAKE2 of what was looked at
    sa.Column("answered_at", sa.Text, index=True),  # UTC, ISO 8601; None where no server was asked
    sa.Column("seconds", sa.Float, nullable=False, server_default="0"),  # that the answer took; 0: a copy's was taken
    sa.Column("sent", sa.Integer, nullable=False, server_default="0"),  # tokens that it counted for
    sa.Column("received", sa.Integer, nullable=False, server_default="0"),
)
OF_ANSWERS = ("recipe", "pixels", "answered_at", "seconds", "sent", "received")
"""How a description was made: columns that are about the bytes of its image."""

tolerate(metadata)
STRAY = (
    f"DELETE FROM vectors WHERE collection = '{DESCRIPTIONS}' "
    "AND id NOT IN (SELECT image_id FROM descriptions WHERE said <> '')"
)
"""Takes vectors away of what is said nowhere: a stranger may bring some."""
_OLD_VECTOR = f"DELETE FROM vectors WHERE collection = '{DESCRIPTIONS}' AND id = OLD.image_id"
TRIGGERS: dict[str, tuple[str, str]] = {
    **{
        f"descriptions_{done.lower()}": (f"AFTER {done} ON descriptions", "UPDATE changes SET number = number + 1")
        for done in ("INSERT", "UPDATE", "DELETE")
    },
    "descriptions_other": ("AFTER UPDATE OF said ON descriptions WHEN OLD.said IS NOT NEW.said", _OLD_VECTOR),
    "descriptions_gone": ("AFTER DELETE ON descriptions", _OLD_VECTOR),
    **notes_of("descriptions", ("said",)),
}
"""Name of a trigger -> when it runs, and what it does: changes count, words are noted for the lexical index, and the
vector of what is said no more goes, whoever changed it.
"""
