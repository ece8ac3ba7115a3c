"""Operations in plain words, made of what each says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from src.database.catalog.operations import Operation
from src.text import count

Said = Mapping[str, Any]


def of(operation: Operation) -> str:
    """``12 photos tagged “trip”``: data, to be shown letter by letter."""
    words, photos = KINDS.get(operation.kind), count(operation.photos, "photo")
    return words(operation.said, photos) if words else f"{photos} changed"


def _tag(said: Said, photos: str) -> str:
    add, remove = _quoted(said.get("add")), _quoted(said.get("remove"))
    if add and remove:
        return f"{photos} tagged {add}, without {remove} now"
    return f"{photos} tagged {add}" if add else f"{remove} taken off {photos}"


def _rename_tag(said: Said, photos: str) -> str:
    return f"Tag {_quoted(said.get('tags'))} renamed to {_quoted([said.get('into')])}, on {photos}"


def _merge_tags(said: Said, photos: str) -> str:
    return f"{_quoted(said.get('tags'))} merged into {_quoted([said.get('into')])}, on {photos}"


def _rate(said: Said, photos: str) -> str:
    rating = said.get("rating")
    if not isinstance(rating, int):
        return f"Own rating taken off {photos}"
    return f"{photos} rejected" if rating < 0 else f"{photos} rated {stars(rating)}"


def stars(rating: int) -> str:
    return count(rating, "star") if rating else "no stars"


def _favourite(said: Said, photos: str) -> str:
    return f"{photos} added to the favourites" if said.get("on") else f"{photos} taken out of the favourites"


def _note(said: Said, photos: str) -> str:
    return f"Note written on {photos}" if said.get("note") else f"Note taken off {photos}"


def _album(said: Said, photos: str) -> str:
    return f"Album {_quoted([said.get('album')])} made with {photos}"


def _rename_album(said: Said, _: str) -> str:
    return f"Album {_quoted([said.get('album')])} renamed to {_quoted([said.get('into')])}"


def _with_album(words: str) -> Callable[[Said, str], str]:
    return lambda said, photos: words.format(photos=photos, album=f"album {_quoted([said.get('album')])}")


def _decide(said: Said, photos: str) -> str:
    words = {"same": "the same picture", "alternates": "copies that are all wanted", "different": "different pictures"}
    return f"{photos} decided to be {words.get(str(said.get('decision')), 'something to each other')}"


def _settle(said: Said, photos: str) -> str:
    others = said.get("others")
    copies = count(others, "copy", "copies") if isinstance(others, int) else f"Copies among {photos}"
    name = _quoted([said.get("name")])
    fates = {"bin": "put into the bin", "tag": f"tagged {name}", "album": f"put into album {name}"}
    kept = "the better one kept" if others == 1 else "the best of each kept"
    return f"{copies} {fates.get(str(said.get('fate')), 'set apart')}, {kept}"


def _with_photos(words: str) -> Callable[[Said, str], str]:
    return lambda _, photos: words.format(photos=photos)


KINDS: Mapping[str, Callable[[Said, str], str]] = {
    "tag": _tag,
    "refuse-tag": lambda said, photos: f"{_quoted([said.get('tag')])} refused for {photos}",
    "rename-tag": _rename_tag,
    "merge-tags": _merge_tags,
    "rate": _rate,
    "favourite": _favourite,
    "note": _note,
    "describe": _with_photos("{photos} described in your own words"),
    "delete-description": _with_photos("Description of {photos} deleted"),
    "describe-again": _with_photos("{photos} to be described again"),
    "album": _album,
    "rename-album": _rename_album,
    "delete-album": lambda said, _: f"Album {_quoted([said.get('album')])} deleted, its photos kept",
    "add-to-album": _with_album("{photos} added to {album}"),
    "take-from-album": _with_album("{photos} taken out of {album}"),
    "reorder-album": lambda said, _: f"Album {_quoted([said.get('album')])} put in another order",
    "remove": _with_photos("{photos} put into the bin"),
    "restore": _with_photos("{photos} taken out of the bin"),
    "remove-folder": lambda said, photos: f"Folder {_quoted([said.get('folder')])} removed: {photos} put into the bin",
    "forget": _with_photos("{photos} whose files are gone put into the bin"),
    "cover": _with_album("Another photo is the cover of {album}"),
    "decide": _decide,
    "settle": _settle,
    "clear": _with_photos("Library cleared: {photos} put into the bin"),
}
"""Kind of an operation -> its words, from what it says of itself and the number of its photos."""


def _quoted(texts: Any) -> str:
    return ", ".join(f"“{text}”" for text in texts or () if isinstance(text, str))
