"""The folders that the library follows: which, how they are, and which of their photos are there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.catalog.files import KnownPlace
from src.database.catalog.folders import FolderRow
from src.errors import BadInput
from src.plain_files import json_in, may_be_path
from src.processing.decoding.image_io import display_text
from src.processing.discovery import Rules, looks_into
from src.processing.presence import Look, Presence
from src.processing.typed_path import direct
from src.schema import Finding, FolderStatus
from src.services.library.places import inside as inside
from src.services.library.places import known_as, nearest, same_folder
from src.text import count

OUT_OF_REACH = "out_of_reach"
"""Key under which the catalogue keeps the parts of folders that could not be reached when last looked at."""
MOST_PARTS = 50
"""Parts of a folder noted one by one; where more are out of reach, the whole folder is noted."""


class FolderService:
    """Which folders there are, and what is there of what they held. Nothing is deleted in here, and no file touched."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._links: dict[Path, Path] = {}

    # ------------------------------------------------------------ which

    def all(self) -> list[FolderStatus]:
        """Every followed folder with its numbers, in the order of their paths."""
        return [self._status(row) for row in self._catalog.folders.all()]

    def followed(self) -> list[FolderRow]:
        """The same without counting anything, for those who ask often."""
        return self._catalog.folders.all()

    def paths(self) -> list[Path]:
        return [Path(os.fsdecode(row.path)) for row in self.followed()]

    def offline(self) -> int:
        """How many of them could not be reached when last looked at."""
        return sum(row.offline_since is not None for row in self.followed())

    def add(self, path: Path, watched: bool = True) -> None:
        """Follow a folder from now on.

        One inside another is followed with that, unless a scan of the other leaves it out; one around others takes
        their place likewise.
        """
        path = self.known_as(path)
        around = nearest(path, self.paths())
        if around is not None and looks_into(around, path):
            return
        raw = os.fsencode(path)
        nested = [
            row for row in self.followed() if inside(row.path, raw) and looks_into(path, Path(os.fsdecode(row.path)))
        ]
        objects, texts = (bool(nested) and all(getattr(row, what) for row in nested) for what in ("objects", "texts"))
        row = FolderRow(raw, display_text(path), watched, objects=objects, texts=texts)
        self._catalog.folders.put(row, [inner.path for inner in nested])

    def is_new(self, path: Path) -> bool:
        """Whether it is a file, or no part of a followed folder that was gone through to its end before."""
        root = nearest(path, self.paths())
        row = next((row for row in self.followed() if root is not None and row.path == os.fsencode(root)), None)
        return path.is_file() or row is None or row.synced_at is None

    def known_as(self, path: Path) -> Path:
        """The path under which the library knows what is at ``path``, see ``places.known_as``."""
        return known_as(path, self.paths())

    def straighten(self) -> None:
        """Give folders that an earlier version stored with ``..`` their own path, where that is the same folder."""
        for path in self.paths():
            straight = direct(str(path))
            if straight != path and same_folder(path, straight):
                self._catalog.folders.move(os.fsencode(path), os.fsencode(straight), _text)

    def place(self, path: Path) -> Path:
        """The same of a folder that a search is to be narrowed to.

        Raises BadInput where the library knows nothing there.
        """
        place = self.known_as(path)
        files, _ = self._catalog.files.numbers_under(os.fsencode(place))
        if files or (nearest(place, self.paths()) is not None and os.path.isdir(place)):
            return place
        raise BadInput(
            f"There is no such folder in the library: {display_text(path)}.", "`folders` lists those that there are."
        )

    def rules(self, path: Path) -> Rules:
        """How a scan of ``path`` is to go about links: by the followed folder that it is in."""
        followed = self.paths()
        return Rules(
            nearest(path, followed) or path, others=[folder for folder in followed if not path.is_relative_to(folder)]
        )

    def note_links(self, path: Path, links: Mapping[Path, Path]) -> None:
        """A scan of ``path`` followed these links to folders, and no others."""
        kept = {link: real for link, real in self._links.items() if link == path or not link.is_relative_to(path)}
        self._links = {**kept, **links}

    def links(self) -> dict[Path, Path]:
        """Links to folders that scans of followed folders went through since the program began -> where they lead."""
        return dict(self._links)

    def looks_into(self, path: Path) -> bool:
        """Whether a look at its followed folder leads to ``path``: it is not hidden, in a bin, or our own."""
        top = nearest(path, self.paths())
        own = (self._settings.data_dir, self._settings.chroma_dir)
        return top is not None and looks_into(top, path) and not any(path.is_relative_to(folder) for folder in own)

    def watch(self, path: str, on: bool) -> None:
        """Pick up changes in a folder while the app runs, or only when asked to.

        Raises BadInput for a folder that is not followed.
        """
        self._catalog.folders.set_watched(self.row(path).path, on)

    def find_objects(self, path: str, on: bool) -> None:
        """Have the objects in a folder's photos indexed too, or no more. Raises BadInput as above."""
        self._catalog.folders.set_objects(self.row(path).path, on)

    def read_texts(self, path: str, on: bool) -> None:
        """Have the text in a folder's photos read too, or no more. Raises BadInput as above."""
        self._catalog.folders.set_texts(self.row(path).path, on)

    def row(self, path: str) -> FolderRow:
        """What the catalogue knows of a followed folder. Raises BadInput for one that is not followed."""
        wanted = os.fsencode(self.known_as(Path(path)))
        for row in self._catalog.folders.all():
            if row.path == wanted:
                return row
        raise BadInput(
            f"The library does not follow a folder {display_text(Path(path))}.", "`folders` lists those it does."
        )

    def _status(self, row: FolderRow) -> FolderStatus:
        beside = self.others_inside(row.path)
        files, missing = self._catalog.files.numbers_under(row.path, beside)
        offline = row.offline_since is not None
        parts = [] if offline else [part for part in self.out_of_reach() if self._root_of(part) == row.path]
        away = sum(self._catalog.files.numbers_under(part)[1] for part in parts)
        wanted = {"objects": row.objects, "texts": row.texts}
        return FolderStatus(
            os.fsdecode(row.path), row.path_text, row.watched, offline, files, missing - away, row.synced_at,
            away=away, **wanted,
        )  # fmt: skip

    def others_inside(self, folder: bytes) -> list[bytes]:
        """Followed folders inside another one: they stand for themselves."""
        return [row.path for row in self.followed() if row.path != folder and inside(row.path, folder)]

    def _root_of(self, path: bytes) -> bytes | None:
        root = nearest(Path(os.fsdecode(path)), self.paths())
        return None if root is None else os.fsencode(root)

    # ------------------------------------------------------------ what is gone, and what is out of reach

    def presence(self, path: Path, look: Look | None = None) -> Presence:
        """How a followed folder is now: THERE, AWAY or, for want of file handles of our own, UNKNOWN.

        The place where a drive was mounted is empty, and on another device, without it.
        """
        raw = os.fsencode(path)
        ground = (look or Look()).ground(raw)
        if ground.presence is not Presence.THERE or ground.path != raw:
            return Presence.UNKNOWN if ground.presence is Presence.UNKNOWN else Presence.AWAY
        devices = self._catalog.files.devices_under(raw) if ground.empty else set()
        return Presence.AWAY if devices and ground.device not in devices else Presence.THERE

    def out_of_reach(self) -> list[bytes]:
        """Parts of folders that could not be reached when last looked at: what is missing in them is expected back."""
        parts = json_in(self._catalog.get_meta(OUT_OF_REACH))
        return [os.fsencode(part) for part in parts if may_be_path(part)] if isinstance(parts, list) else []

    def settle(self, path: Path, renumbered: Iterable[tuple[int, int]] = ()) -> Iterator[Finding]:
        """After a walk through ``path``: hide photos that are gone or out of reach, and note how its folder is.

        renumbered: pairs (old, new) of numbers of devices, as the walk met them. Where the followed folder can't be
        reached, nothing in it is gone, whichever part of it was asked for.
        """
        look, raw = Look(frozenset(renumbered)), os.fsencode(path)
        root = self._root_of(raw)
        presence = Presence.THERE if root is None else self.presence(Path(os.fsdecode(root)), look)
        if presence is Presence.UNKNOWN:
            yield Finding("busy", f"{display_text(path)} could not be looked at just now; its photos stay as they are.")
        elif root is not None and presence is Presence.AWAY:
            yield self._set_offline(root)
        else:
            yield from self._hide(self._catalog.files.places_under(raw), look, lambda part: inside(part, raw))
            if root == raw:
                self._catalog.folders.set_synced(raw)

    def _set_offline(self, root: bytes) -> Finding:
        beside = self.others_inside(root)
        self._catalog.files.lose_folder(root, beside)
        self._catalog.folders.set_offline(root)
        files, _ = self._catalog.files.numbers_under(root, beside)
        return Finding(
            "offline",
            f"{_text(root)} can't be reached; its {count(files, 'photo')} {_are(files)} hidden until it is back.",
        )

    def settle_loose(self) -> Iterator[Finding]:
        """The same of the files that were added one by one."""
        loose = self._catalog.files.places_outside([row.path for row in self.followed()])
        yield from self._hide(loose, Look(), lambda part: self._root_of(part) is None)

    def _hide(
        self, pages: Iterable[Sequence[KnownPlace]], look: Look, mine: Callable[[bytes], bool]
    ) -> Iterator[Finding]:
        """Hide what is gone or out of reach.

        ``mine``: whether a part that was out of reach before is looked at anew by this.
        """
        hidden, away = 0, dict[bytes, int]()
        for page in pages:
            sights = {place.path: look.at(place.path, None if place.uploaded else place.device) for place in page}
            gone = [place for place in page if sights[place.path].presence is Presence.GONE]
            hidden += self._catalog.files.lose([place.path for place in gone])
            for device in {sights[place.path].device for place in gone}:
                moved = [place.path for place in gone if sights[place.path].device == device != place.device]
                self._catalog.files.gone_from(device, moved)
            lost = [place for place in page if sights[place.path].presence is Presence.AWAY]
            self._catalog.files.lose([place.path for place in lost if not place.missing], away=True)
            for place in lost:
                away[sights[place.path].place] = away.get(sights[place.path].place, 0) + 1
        yield from self._note_away(away, mine)
        if hidden:
            yield Finding(
                "missing", f"{count(hidden, 'photo')} {_are(hidden)} no longer there, and hidden until seen again."
            )

    def _note_away(self, away: Mapping[bytes, int], mine: Callable[[bytes], bool]) -> Iterator[Finding]:
        """Keep in the catalogue which parts are out of reach, and tell of each that was not before."""
        before = self.out_of_reach()
        parts = _outermost(away)
        if len(parts) > MOST_PARTS:
            parts = [os.path.commonpath(parts)]
        now = sorted({*(part for part in before if not mine(part)), *parts})
        if now != before:
            self._catalog.set_meta(OUT_OF_REACH, json.dumps([os.fsdecode(part) for part in now]))
        for part in parts:
            if part not in before:
                files = sum(number for place, number in away.items() if inside(place, part))
                yield Finding(
                    "offline",
                    f"{_text(part)} can't be reached; {count(files, 'photo')} {_are(files)} hidden until it is back.",
                )

    def missing(self, look: bool = False) -> int:
        """Photos none of whose files is there; what is offline or out of reach is expected back and not counted.

        As when last looked at, unless ``look``: then each of them is looked for now, which takes a while.
        """
        ids = self.missing_ids()
        return len(self.gone(ids)) if look else len(ids)

    def missing_ids(self) -> list[str]:
        """Ids of photos none of whose files was there when last looked for, and is not expected back."""
        offline = [row.path for row in self._catalog.folders.all() if row.offline_since is not None]
        earlier = set(self._catalog.earlier())
        return [id_ for id_ in self._catalog.hidden([*offline, *self.out_of_reach()]) if id_ not in earlier]

    def gone(self, ids: Sequence[str]) -> list[str]:
        """Those of the hidden photos of which a look now finds that every file is gone."""
        look, places = Look(), self._catalog.files.places_of(ids)
        return [id_ for id_ in ids if id_ in places and all(self._is_gone(place, look) for place in places[id_])]

    def _is_gone(self, place: KnownPlace, look: Look) -> bool:
        root = None if place.uploaded else self._root_of(place.path)
        if root is not None and self.presence(Path(os.fsdecode(root)), look) is not Presence.THERE:
            return False
        return look.at(place.path, None if place.uploaded else place.device).presence is Presence.GONE

    def earlier(self) -> int:
        """Earlier versions of photos that were changed since: hidden, and back when their bytes are seen again."""
        return len(self._catalog.earlier())


def _outermost(parts: Iterable[bytes]) -> list[bytes]:
    """Those that are in none of the others."""
    kept: list[bytes] = []
    for part in sorted(parts, key=len):
        if not any(inside(part, other) for other in kept):
            kept.append(part)
    return kept


def _text(path: bytes) -> str:
    return display_text(Path(os.fsdecode(path)))


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
