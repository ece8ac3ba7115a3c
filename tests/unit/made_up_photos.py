"""Photos with odd facts, made up by chance, as rows of the catalogue's tables and as what is known of each."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from src.database.catalog.catalog import Catalog
from src.database.catalog.marks import put_file_tags
from src.database.catalog.tables import album_photos, albums, facts, files, images, marks, photo_tags, texts
from src.database.catalog.text_lines import folded_lines, written
from src.schema.colour_words import colour_word
from src.schema.texts import TextLine
from src.text import folded, shown

TEXTS = (None, "", "NIKON CORPORATION", "nikon", "Canon EOS 5D", "Straße 50%", "STRASSE", "Köln", "Ko\u0308ln", "a_b",
         "axb", "a\\b", "ﬁsh", "fish", "\u212aelvin", "日本 旅行", "summer party", "Summer\nparty", "*", "[x]",
         "-1", "0", "İstanbul", "x" * 300)  # fmt: skip
NUMBERS = (None, 0.0, -1.0, 1.4, 2.8, 2.81, 2.83, 0.004, 0.00399, 1 / 250, 50.0, 50.2, 1e300, 1e-300, 0.5, 1.0)
WHOLES = (None, 0, -1, 1, 3, 4, 5, 100, 101, 400, 3200, 2**31, 2**62, -(2**62))
SIDES = (1, 2, 1080, 1920, 3000, 4000, 4032, 2**20)
MOMENTS = (None, "2018-12-31T23:59:59", "2019-01-01T00:00:00", "2019-05-31T12:00:00", "2019-06-01T00:00:00",
           "2019-12-31T23:59:59", "2020-02-29T01:02:03", "1826-01-01T00:00:00", "9999-12-31T23:59:59",
           "")  # fmt: skip
COLOURS = ("#ff0000", "#aabbcc", "#000000", "#8b4513", "#FFFFFF", "#00ff00", "#808080", "nonsense")
FOLDERS = ("/photos/2019/italy", "/photos/2019/Italy/rome", "/photos/2019", "/photos/2019x/italy", "/other/Ko\u0308ln",
           "/other/köln/2019", "/photos/a_b", "/photos/axb", "/p*q/50%")  # fmt: skip
NAMES = ("IMG_2001.JPG", "img_1999.jpg", "Köln.png", "Ko\u0308ln.png", "100%.gif", "a_b.jpg", "axb.jpg", "STRASSE.jpg",
         "straße.jpg", "2019", "italy.jpg")  # fmt: skip
PLACES = ([], ["Paris", "Île-de-France", "France"], ["Paris", "Texas", "United States"], ["Ko\u0308ln"],
          ["Financial District", "New York City", "New York"], ["Newport"], ["France"])  # fmt: skip
FORMATS = ("JPEG", "PNG", "HEIF", "TIFF", "RAW", "")


@dataclass
class Photo:
    """What is known of a photo, by the names of the table of fields."""

    id: str
    values: dict[str, Any]
    files: list[tuple[str, str, bool]] = field(default_factory=list)
    """Path of its folder, name and whether it is there."""
    hidden: bool = False


def photo(chance: random.Random, number: int) -> Photo:
    pick = chance.choice
    values: dict[str, Any] = {name: pick(TEXTS) for name in ("camera_make", "camera_model", "lens", "title")}
    values |= {name: pick(TEXTS) for name in ("caption", "software")}
    values |= {name: pick(NUMBERS) for name in ("aperture", "exposure", "focal_length", "sharpness", "brightness")}
    values |= {name: pick(WHOLES) for name in ("iso", "rating")}
    values |= {"flash": pick((None, True, False)), "latitude": pick((None, 0.0, -33.9))}
    values["keywords"] = [text for text in chance.sample(TEXTS, chance.randrange(4)) if text is not None]
    values["place"] = pick(PLACES)
    values["colours"] = chance.sample(COLOURS, chance.randrange(4))
    values |= {"width": pick(SIDES), "height": pick(SIDES), "format": pick(FORMATS), "taken_at": pick(MOMENTS)}
    values |= {"bytes": pick((0, 1, 5_000_000, 5_000_001, 2**40)), "added_at": pick(MOMENTS[1:-1]) + ".5+00:00"}
    if number % 10 == 0:
        values = {name: values[name] for name in OF_IMAGES}
    copies = [f"{number}{copy}-{pick(NAMES)}" for copy in range(pick((1, 1, 2)))]
    there = [(pick(FOLDERS), name, chance.random() < 0.8) for name in copies]
    return Photo(f"photo {number}", values, there, not any(is_there for _, _, is_there in there))


OF_IMAGES = ("width", "height", "format", "taken_at", "bytes", "added_at")


def fill(file: Path, number: int, seed: int = 7) -> tuple[Catalog, list[Photo]]:
    """A new catalogue with so many photos; every tenth has no facts but those of its image."""
    chance, catalog = random.Random(seed), Catalog(file)
    photos = [photo(chance, n) for n in range(number)]
    with catalog._file.writing() as db:
        db.execute(images.insert(), [_image(one) for one in photos])
        db.execute(files.insert(), [row for one in photos for row in _files(one)])
        db.execute(facts.insert(), [_facts(one) for one in photos if "iso" in one.values])
        put_file_tags(db, {one.id: one.values.get("keywords", ()) for one in photos})
        say(db, random.Random(seed + 1), photos)
        read(db, random.Random(seed + 2), photos)
    return catalog, photos


TAGS = ("trip", "Trip/Italy", "trip/italy/rome", "tripod", "trip0", "fish", "Köln")
ALBUMS = ("Best of", "Köln", "best")


def say(db: sa.Connection, chance: random.Random, photos: list[Photo]) -> None:
    """What the user says of some of them, in place of what their files say: ``values`` has it from then on."""
    ids = {name: f"00000000-0000-4000-8000-00000000000{n}" for n, name in enumerate(ALBUMS)}
    rows = [{"id": id_, "name": name, "folded": folded(name), "created_at": "2024"} for name, id_ in ids.items()]
    db.execute(albums.insert(), rows)
    for one in photos:
        keywords = {folded(word): word for word in one.values.get("keywords", ()) if _is_tag(word)}
        some = {"image_id": one.id}
        if chance.random() < 0.3:
            rating, note = chance.choice((None, -1, 0, 4, 5)), chance.choice((None, "Ask Köln", "fish"))
            favourite = chance.random() < 0.5
            db.execute(marks.insert(), {**some, "rating": rating, "favourite": favourite, "note": note})
            one.values |= {"favourite": favourite, "note": note} | ({} if rating is None else {"rating": rating})
        for tag in chance.sample(TAGS, chance.choice((0, 0, 1, 2))):
            if folded(tag) not in keywords:
                keywords[folded(tag)] = tag
                db.execute(photo_tags.insert(), {**some, "tag": folded(tag), "said": tag})
            elif folded(tag) in keywords and chance.random() < 0.7:
                db.execute(photo_tags.update().where(*_of(one.id, tag)).values(said=""))
                del keywords[folded(tag)]
        held = chance.sample(ALBUMS, chance.choice((0, 0, 1, 2)))
        for name in held:
            db.execute(album_photos.insert(), {**some, "album_id": ids[name], "position": 0})
        one.values |= {"keywords": list(keywords.values()), "albums": held}


def read(db: sa.Connection, chance: random.Random, photos: list[Photo]) -> None:
    """What was read in some of them."""
    for one in photos:
        text = chance.choice(TEXTS)
        if text is not None:
            line = TextLine(text, ((0, 0), (1, 0), (1, 1), (0, 1)), 1.0)
            row = {"pixels": bytes(32), "lines": written([line]), "folded": folded_lines([line])}
            db.execute(texts.insert(), {"image_id": one.id, **row})
            one.values["text"] = text


def _of(image_id: str, tag: str) -> tuple[sa.ColumnElement[bool], ...]:
    return photo_tags.c.image_id == image_id, photo_tags.c.tag == folded(tag)


def _is_tag(word: str) -> bool:
    return 0 < len(word) <= 200 and shown(word) == word


def _image(one: Photo) -> dict[str, Any]:
    own = {name: one.values[name] for name in OF_IMAGES}
    return {"id": one.id, "sha256": one.id, **own, "removed_at": "2024" if one.hidden else None}


def _files(one: Photo) -> list[dict[str, Any]]:
    rows = []
    for folder, name, is_there in one.files:
        path = f"{folder}/{name}"
        row = {"image_id": one.id, "path": os.fsencode(path), "path_text": path, "name": name, "uploaded": False}
        stamp = {"device": 1, "inode": 1, "mtime_ns": 1, "size": 1}
        rows.append({**row, **stamp, "missing_since": None if is_there else "2024"})
    return rows


def _facts(one: Photo) -> dict[str, Any]:
    own = {name: value for name, value in one.values.items() if name not in OF_IMAGES}
    words = f" {' '.join(map(colour_word, one.values['colours']))} " if one.id[-1] not in "37" else None
    lists = {name: _listed(one, name) for name in ("keywords", "colours", "place")}
    return {"image_id": one.id, **own, **lists, "colour_words": words}


def _listed(one: Photo, name: str) -> str | None:
    """Several values as the catalogue stores them; in every tenth photo as another program may write them."""
    text = json.dumps(one.values[name], ensure_ascii=False)
    if one.id.endswith("3"):
        return text.replace("f", "\\u0066")
    return text if one.values[name] else None
