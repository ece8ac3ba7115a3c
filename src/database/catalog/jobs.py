"""Job rows in the catalogue: what was asked for, how far it is, and whether someone wants it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from src.database.catalog.sqlite_file import SqliteFile, now, upsert
from src.database.catalog.tables import jobs


class JobTable:
    """The ``jobs`` table. Rows are plain dictionaries with the table's columns."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def put(self, values: Mapping[str, Any]) -> None:
        """Insert or replace a job row (columns of ``tables.jobs``)."""
        with self._file.writing() as db:
            db.execute(upsert(jobs, ["id"], keep=("created_at",)), [{"created_at": now(), **values}])

    def take(self, kinds: Sequence[str], last: Sequence[str] = ()) -> dict[str, Any] | None:
        """The oldest queued job of these kinds, now marked running; None where none waits.

        last: kinds whose turn comes when none of the others waits.
        """
        with self._file.writing() as db:
            wanted = sa.select(jobs).where(jobs.c.state == "queued", jobs.c.kind.in_(kinds))
            row = db.execute(wanted.order_by(jobs.c.kind.in_(last), jobs.c.created_at).limit(1)).mappings().first()
            if row is None:
                return None
            db.execute(
                jobs.update().where(jobs.c.id == row["id"]).values(state="running", attempts=row["attempts"] + 1)
            )
            return {**row, "state": "running", "attempts": row["attempts"] + 1}

    def update(self, job_id: str, **values: Any) -> None:
        with self._file.writing() as db:
            db.execute(jobs.update().where(jobs.c.id == job_id).values(**values))

    def update_if(self, job_id: str, was: str, **values: Any) -> bool:
        """Update a job that is in the state ``was``; says whether it was."""
        with self._file.writing() as db:
            return (
                db.execute(jobs.update().where(jobs.c.id == job_id, jobs.c.state == was).values(**values)).rowcount > 0
            )

    def get(self, job_id: str) -> dict[str, Any] | None:
        with self._file.reading() as db:
            row = db.execute(sa.select(jobs).where(jobs.c.id == job_id)).mappings().first()
        return dict(row) if row else None

    def prune(self, keep: int) -> None:
        """Forget finished jobs but the newest ``keep``: a watched folder makes one at every change."""
        finished = jobs.c.state.in_(("done", "failed", "cancelled"))
        kept = sa.select(jobs.c.id).where(finished).order_by(jobs.c.created_at.desc()).limit(keep)
        with self._file.writing() as db:
            db.execute(jobs.delete().where(finished, jobs.c.id.not_in(kept)))

    def rows(
        self, states: Sequence[str] = (), limit: int | None = None, kinds: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Job rows, the newest first; only those in ``states`` and of ``kinds`` where any are given."""
        query = sa.select(jobs).order_by(jobs.c.created_at.desc()).limit(limit)
        if states:
            query = query.where(jobs.c.state.in_(states))
        if kinds:
            query = query.where(jobs.c.kind.in_(kinds))
        with self._file.reading() as db:
            return [dict(row) for row in db.execute(query).mappings()]
