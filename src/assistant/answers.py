"""What the tools answer: rows for programs, and the same in words for the assistant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from src import wire
from src.errors import BadInput
from src.identity import is_id
from src.runtime import Services
from src.schema import ImageDetails, Mode, PhotoFilter, Reason, SearchHit, SearchPage
from src.schema.conditions import Condition, parse_condition
from src.schema.fields import BY_NAME
from src.schema.fields import shown as fact_shown
from src.services.search.language import parse
from src.services.search.query import Query
from src.text import count, shown

MOST_TEXT = 2_000
"""Characters that are told of the words in a photo."""
CLOSEST = 3
"""Results that are told where nothing fits."""
NEWEST = "sort:date"
_MODES: dict[str, Mode] = {"photos": "images", "objects": "objects", "both": "both"}
LOOKS = Reason("image").label
"""What most photos are found by: a line does not say it."""
_LABELS = {
    "id": "Id",
    "added_at": "Added",
    "bytes": "Size of the file",
    "keywords": "Tags",
    "text": "Text in it",
    "description": "Description",
    "described_by": "Described by",
    "objects": "Objects found in it",
    "paths": "Files",
}


@dataclass(frozen=True)
class Told:
    """What leaves this computer beside what was asked for, only where the user said so."""

    paths: bool = False
    """Where files are."""
    coordinates: bool = False
    """Where photos were taken, to the metre. Names of places are told anyhow."""


@dataclass(frozen=True)
class Picture:
    """A photo to be shown. data: JPEG, None where there is nothing to be shown; ``said`` is why, or which it is."""

    said: str
    data: bytes | None = None


def searched(
    services: Services, query: str, filters: Sequence[str], top_k: int, mode: str, told: Told
) -> wire.FoundPhotos:
    """Raises BadQuery, BadInput or ModelError in one sentence."""
    only = PhotoFilter(where=tuple(_condition(written, told) for written in filters))
    if not told.paths and any(one.key == "in" for one in parse(query).restrictions):
        raise BadInput(
            "This server does not tell in which folders photos are.", "Search for the folder's name in words."
        )
    text = query.strip() or (NEWEST if filters else "")
    page = services.search.search(Query(text), top_k, only=only, mode=_MODES[mode])
    return _found(services, page, told, f"“{shown(page.query)[:100]}”" if query.strip() else "the filters")


def _condition(written: str, told: Told) -> Condition:
    """What is not told must not be found out by asking whether photos lie north of this or that either."""
    condition = parse_condition(written)
    if not told.coordinates and not wire.POSITION.isdisjoint(condition.names):
        raise BadInput("This server does not tell where photos lie.", "Filter by place=... for names of places.")
    return condition


def similar(services: Services, image_id: str, top_k: int, told: Told) -> wire.FoundPhotos:
    """Photos that look like one of the library. Raises BadInput for one that there is not."""
    photo = known(services, image_id)
    page = services.search.search(Query(like=photo.id), top_k)
    return _found(services, page, told, f"the look of {shown(photo.name)}")


def _found(services: Services, page: SearchPage, told: Told, asked: str) -> wire.FoundPhotos:
    fitting = [hit for hit in page.hits if hit.fits]
    hits = fitting or list(page.hits[:CLOSEST])
    facts = services.catalog.facts.of_many([hit.id for hit in hits])
    rows = [_row(hit, facts.get(hit.id, {}).get("taken_at"), not page.listed, told) for hit in hits]
    notes = [notice.sentence for notice in page.notices]
    return wire.FoundPhotos(page.verdict, _verdict(page, rows, asked), notes, rows)


def _row(hit: SearchHit, taken: str | None, judged: bool, told: Told) -> wire.FoundPhoto:
    """taken: when it was, as facts have it. judged: whether its chance says anything."""
    why = dict.fromkeys(_reason(reason, told) for reason in hit.why)
    band, percent = (hit.band, hit.percent) if judged else (None, None)
    box = None if hit.box is None else list(hit.box)
    return wire.FoundPhoto(hit.id, shown(hit.name), taken[:10] if taken else None, band, percent, list(why), box)


def _reason(reason: Reason, told: Told) -> str:
    """Without the photo's name, which the row has already, and without folders unless they are told of."""
    said = reason.where != "name" and (told.paths or reason.where != "folders")
    return f"{reason.label}: {shown(reason.text)}" if said and reason.text else reason.label


def _verdict(page: SearchPage, rows: Sequence[wire.FoundPhoto], asked: str) -> str:
    """What a search came to, in one or two sentences."""
    if page.verdict == "empty":
        if page.filtered:
            return (
                "No photo passes the filters. One whose date, place or the like is not known passes no filter on that."
            )
        nothing = "Nothing could be searched."
        return nothing if page.notices else f"{nothing} There are no photos in the library yet: the app adds them."
    if page.verdict == "nothing":
        closest = " These are the closest, and most likely something else." if rows else ""
        return f"Nothing in the library fits {asked}.{closest}"
    if page.listed:
        verb = "passes" if page.searched == 1 else "pass"
        return f"{count(page.searched, 'photo')} {verb} {asked}; {len(rows)} of them:"
    bands = [f"{number} {band}" for band in ("strong", "likely", "weak") if (number := _number(rows, band))]
    weak = " A weak match is more likely something else: look before you tell of it." if _number(rows, "weak") else ""
    return f"Of {count(page.searched, 'photo')} these fit {asked} best: {', '.join(bands)}.{weak}"


def _number(rows: Sequence[wire.FoundPhoto], band: str) -> int:
    return sum(row.band == band for row in rows)


def in_words(found: wire.FoundPhotos) -> str:
    """The same for an assistant that is given the text alone: a line a photo."""
    return "\n".join([found.said, *found.notes, *map(_line, found.results)])


def _line(row: wire.FoundPhoto) -> str:
    match = f"{row.percent} % {row.band}" if row.band else ""
    box = f"object at {row.box}" if row.box else ""
    why = "; ".join(one for one in row.why if one != LOOKS)
    parts = (row.name, row.date, match, why, box, f"id {row.id}")
    return "- " + " · ".join(filter(None, parts))


# ---------------------------------------------------------------- one photo


def known(services: Services, image_id: str) -> ImageDetails:
    """A photo of the library by its id, also as it stands in a link. Raises BadInput where there is none."""
    wanted = image_id.strip().removeprefix("photo://").removesuffix("/thumb").lower()
    details = services.library.details(wanted) if is_id(wanted) else None
    if details is None:
        said = shown(image_id[:60])
        raise BadInput(f"There is no photo with the id “{said}” in the library.", "Use the ids that a search gives.")
    return details


def pictures(services: Services, ids: Sequence[str], side: int) -> list[Picture]:
    """Photos, each once, with at most ``side`` pixels along the longest side, upright, without what their files tell.

    Raises BadInput where there is none of them all.
    """
    found, missing = dict[str, ImageDetails](), list[BadInput]()
    for one in dict.fromkeys(ids):
        try:
            details = known(services, one)
            found[details.id] = details
        except BadInput as error:
            missing.append(error)
    if missing and not found:
        raise missing[0]
    return [*(_picture(services, one, side) for one in found.values()), *(Picture(str(one)) for one in missing)]


def _picture(services: Services, details: ImageDetails, side: int) -> Picture:
    said = f"{shown(details.name)} (id {details.id})"
    data = services.library.preview(details.id, side, quality=80)
    if data is not None:
        return Picture(said, data)
    small = services.library.small(details.id)
    why = "the library's small copy of it, since its file" if small else "its file"
    return Picture(f"{said}: {why} can't be read now.", small)


def facts(services: Services, image_id: str, told: Told) -> dict[str, Any]:
    """All that is known of a photo, as ``wire.photo_for_assistant`` has it. Raises BadInput."""
    details = known(services, image_id)
    said = services.descriptions.said_of(details.id)
    words = "\n".join(line.text for line in services.texts.of_photo(details.id))
    more = {
        "description": said.description.text if said else "",
        "described_by": ("the user" if said.by_hand else said.model) if said else "",
        "text": words[:MOST_TEXT] + ("…" if len(words) > MOST_TEXT else ""),
        "objects": len(services.objects.of_photo(details.id)) or None,
    }
    known_of_it = services.catalog.facts.of(details.id)
    return {
        name: _harmless(value)
        for name, value in wire.photo_for_assistant(details, known_of_it, more, told.paths, told.coordinates).items()
    }


def _harmless(value: Any) -> Any:
    """A fact without what would drive a terminal or turn text round; lines stay lines."""
    if isinstance(value, list):
        return [_harmless(one) for one in value]
    return "\n".join(map(shown, value.splitlines())) if isinstance(value, str) else value


def facts_in_words(told: dict[str, Any]) -> str:
    """A fact a line."""
    return "\n".join(f"{_label(name)}: {_value(name, value)}" for name, value in told.items())


def _label(name: str) -> str:
    return _LABELS.get(name) or BY_NAME[name].label


def _value(name: str, value: Any) -> str:
    if name == "added_at":
        return str(value)[:10]
    if name == "bytes" or (name in BY_NAME and name not in _LABELS):
        value = fact_shown(name, tuple(value) if isinstance(value, list) else value)
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return " / ".join(text.splitlines())
