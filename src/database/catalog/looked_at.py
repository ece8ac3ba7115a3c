"""Which images were looked at by which pass over all photos, and by which recipe of it: what a pass still has to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from src.database.catalog import findable
from src.database.catalog.sqlite_file import SqliteFile, listed, upsert
from src.database.catalog.tables import CHANGES, SEEN, images, looked_at
from src.schema import PhotoFilter
from src.versioned_cache import Kept

ROW: sa.ColumnClause[int] = sa.literal_column("images.rowid")
LAST = 64
"""Images that were added last, of which one is mostly pending where any is."""


class LookedAtTable:
    """The ``looked_at`` table. Of each pass, the recipe that looked at an image last counts."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._counted: Kept[int] = Kept(16)

    def pending(
        self, name: str, recipe: str, only: PhotoFilter | None = None, among: Sequence[str] | None = None
    ) -> list[str]:
        """Ids of visible images that the pass has not looked at with this recipe yet, in the order they were added.

        only, among: of those that pass, of those alone.
        """
        query = _pending(name, recipe)
        if only is not None:
            query = query.where(images.c.id.in_(findable.passing(only)))
        if among is not None:
            query = query.where(images.c.id.in_(listed(list(among))))
        with self._file.reading() as db:
            if only is None and among is None:  # mostly the last ones: no more is looked at than there are
                query = query.limit(_number(db, name, recipe))
            return [str(id_) for id_ in db.execute(query).scalars()][::-1]

    def any_pending(self, name: str, recipe: str) -> bool:
        """Whether ``pending`` would give any of the whole library. All are counted only where none of the last is."""
        last = sa.select(images.c.id, images.c.removed_at).order_by(ROW.desc()).limit(LAST).subquery()
        query = sa.select(last.c.id).where(last.c.removed_at.is_(None), ~was_looked_at(last.c.id, name, recipe))
        with self._file.reading() as db:
            if db.execute(query.limit(1)).first():
                return True
        return self.number_pending(name, recipe) > 0

    def number_pending(self, name: str, recipe: str) -> int:
        """How many ids ``pending`` would give of the whole library. Counted once for each change."""
        with self._file.reading() as db:
            state = db.execute(CHANGES).scalar()
        return self._counted.get((name, recipe), state, lambda: self._number(name, recipe))

    def _number(self, name: str, recipe: str) -> int:
        with self._file.reading() as db:
            return _number(db, name, recipe)

    def count(self, name: str) -> int:
        """Visible images that the pass has looked at, with whatever recipe."""
        there = looked_at.join(images, images.c.id == looked_at.c.image_id)
        query = (
            sa.select(sa.func.count())
            .select_from(there)
            .where(looked_at.c["pass"] == name, images.c.removed_at.is_(None))
        )
        with self._file.reading() as db:
            return int(db.execute(query).scalar_one())


def mark(db: sa.Connection, name: str, recipe: str, image_ids: Iterable[str]) -> None:
    """Note that the pass has looked at these images with this recipe; in the transaction that stores what it found."""
    rows = [{"image_id": id_, "pass": name, "recipe": recipe} for id_ in image_ids]
    if rows:
        db.execute(upsert(looked_at, ["image_id", "pass"]), rows)


def was_looked_at(image_id: sa.ColumnElement[str] | str, name: str, recipe: str) -> sa.Exists:
    """Whether that recipe of the pass was the last to look at an image."""
    return sa.exists().where(
        looked_at.c.image_id == image_id, looked_at.c["pass"] == name, looked_at.c.recipe == recipe
    )


def _pending(name: str, recipe: str) -> sa.Select[tuple[str]]:
    """Ids of visible images that a recipe of a pass was not the last to look at, the last that was added first."""
    return (
        sa.select(images.c.id)
        .where(images.c.removed_at.is_(None), ~was_looked_at(images.c.id, name, recipe))
        .order_by(images.c.added_at.desc(), ROW.desc())
    )


def _number(db: sa.Connection, name: str, recipe: str) -> int:
    """How many there are: the visible images, without those of all that were looked at which are not hidden."""
    seen = sa.select(sa.func.count()).where(looked_at.c["pass"] == name, looked_at.c.recipe == recipe)
    hidden = images.c.removed_at.is_not(None)
    unseen = sa.select(sa.func.count()).select_from(images).where(hidden, was_looked_at(images.c.id, name, recipe))
    return int(db.execute(SEEN).scalar_one()) - (
        int(db.execute(seen).scalar_one()) - int(db.execute(unseen).scalar_one())
    )
