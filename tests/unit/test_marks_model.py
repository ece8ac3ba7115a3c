"""Two thousand operations and undos by chance, each compared with a plain model that knows no database."""

from __future__ import annotations

import hashlib
import pickle
import random
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from src.database.catalog.catalog import Catalog, ImageRow
from src.database.catalog.facts import FactsRow
from src.database.catalog.files import FileRow
from src.database.catalog.tables import images
from src.errors import BadInput
from src.identity import image_id
from src.schema import FileStamp, ImageFacts
from src.schema.duplicates import DECISIONS, FATES
from src.schema.facts import PhotoFacts
from src.services.curation.service import CurationService, Done

PHOTOS, STEPS = 40, 2_000
TAGS = ("sea", "Sea", "trip", "trip/italy", "Trip/Italy/Rome", "trip/spain", "tripod", "boat", "köln", "KÖLN")
OF_FILES = ("Sea", "boat", "trip/italy")
NAMES = ("Best", "best", "Others", "Köln")


@dataclass
class Photo:
    """One photo: what its file says, what the user says, and whether he removed it."""

    file: dict[str, str] = field(default_factory=dict)
    stars: int | None = None
    said: dict[str, str] = field(default_factory=dict)
    """Tag in small letters -> as the user writes it, empty where he took it off."""
    rating: int | None = None
    favourite: bool = False
    note: str = ""
    binned: bool = False

    @property
    def tags(self) -> dict[str, str]:
        return {tag: text for tag, text in (self.file | self.said).items() if text}

    def take_off(self, tag: str) -> None:
        for other in [other for other in self.tags if other == tag or other.startswith(tag + "/")]:
            self._off(other)

    def _off(self, tag: str) -> None:
        self.said.pop(tag, None)
        if tag in self.file:
            self.said[tag] = ""

    def put_on(self, text: str) -> None:
        self.said[text.casefold()] = self.tags.get(text.casefold()) or self.file.get(text.casefold()) or text

    def rename(self, tags: list[str], into: str) -> None:
        new: dict[str, str] = {}
        for tag in tags:
            for other, text in list((self.file | self.said).items()):
                if text and (other == tag or other.startswith(tag + "/")):
                    renamed = "/".join([into, *text.split("/")[tag.count("/") + 1 :]])
                    new[renamed.casefold()] = renamed
                    self._marked.append(other)
        for other in self._marked:
            self._off(other)
        self._marked.clear()
        self.said |= new

    def __post_init__(self) -> None:
        self._marked: list[str] = []


@dataclass
class Model:
    """A library, and what could be undone."""

    photos: dict[str, Photo]
    albums: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    """Id -> name and photos."""
    covers: dict[str, str] = field(default_factory=dict)
    """Album -> the photo that was chosen to stand for it."""
    decided: dict[tuple[str, str], str] = field(default_factory=dict)
    """Pair of photos, the lower id first -> what was decided."""


def copied(model: Model) -> Model:
    """All of it anew; several times as fast as copy.deepcopy, on which most of the test's time would go."""
    made: Model = pickle.loads(pickle.dumps(model))
    return made


class Machine:
    """Does the same to a catalogue and to the model."""

    def __init__(self, file: Path, seed: int) -> None:
        self.file = file
        self.chance = random.Random(seed)
        sums = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(PHOTOS)]
        self.ids = [image_id(each) for each in sums]
        self.catalog = Catalog(file)
        rows = [
            ImageRow(id_, each, ImageFacts(4, 3, "JPEG", None), 9) for id_, each in zip(self.ids, sums, strict=True)
        ]
        places = [
            FileRow(b"/x/%d" % n, f"/x/{n}", f"{n}", id_, FileStamp(1, n, 1, 9)) for n, id_ in enumerate(self.ids)
        ]
        self.catalog.commit_batch("", rows, places)
        self.model = Model({id_: Photo() for id_ in self.ids})
        self.past: list[Model] = []
        self.future: list[Model] = []
        self.undone = 0

    @property
    def service(self) -> CurationService:
        return CurationService(self.catalog)

    def some(self) -> list[str]:
        return self.chance.sample(self.ids, self.chance.choice((1, 1, 2, 5, PHOTOS)))

    def step(self) -> None:
        before = copied(self.model)
        names = (
            *("tag", "tag", "tag", "rate", "favourite", "note", "create", "add", "take", "reorder", "rename_album"),
            *("delete", "rename", "merge", "remove", "restore", "clear", "file", "move", "cover", "decide", "settle"),
            *("undo", "undo", "undo", "undo", "redo", "redo", "redo", "reopen"),
        )
        name = self.chance.choice(names)
        done = getattr(self, f"do_{name}")()
        if isinstance(done, Done):
            assert (done.number is not None) == (before != self.model), (name, done)
            if done.number is not None:
                self.past.append(before)
                self.future.clear()

    # ------------------------------------------------------------ what is done

    def do_tag(self) -> Done:
        ids = self.some()
        add, remove = (self.chance.sample(TAGS, self.chance.choice((0, 1, 2))) for _ in range(2))
        add = list({tag.casefold(): tag for tag in reversed(add)}.values())[::-1]
        for id_ in ids:
            photo = self.model.photos[id_]
            known = dict(photo.tags)
            for tag in remove:
                photo.take_off(tag.casefold())
            for tag in add:
                text = known.get(tag.casefold())
                photo.put_on(tag) if text is None else photo.said.__setitem__(tag.casefold(), text)
        return self.service.tag(ids, add, remove)

    def do_rename(self) -> Done:
        old, new = self.chance.sample(TAGS, 2)
        for photo in self.model.photos.values():
            photo.rename([old.casefold()], new)
        return self.service.rename_tag(old, new)

    def do_merge(self) -> Done:
        *old, new = self.chance.sample(TAGS, 3)
        for photo in self.model.photos.values():
            photo.rename([tag.casefold() for tag in old], new)
        return self.service.merge_tags(old, new)

    def do_rate(self) -> Done:
        ids, rating = self.some(), self.chance.choice((None, -1, 0, 3, 5))
        for id_ in ids:
            self.model.photos[id_].rating = rating
        return self.service.rate(ids, rating)

    def do_favourite(self) -> Done:
        ids, on = self.some(), self.chance.random() < 0.5
        for id_ in ids:
            self.model.photos[id_].favourite = on
        return self.service.favourite(ids, on)

    def do_note(self) -> Done:
        ids, text = self.some(), self.chance.choice(("", "a", "two\nlines"))
        for id_ in ids:
            self.model.photos[id_].note = text
        return self.service.note(ids, text)

    def _album(self) -> str | None:
        return self.chance.choice(list(self.model.albums)) if self.model.albums else None

    def _is_taken(self, name: str, but: str = "") -> bool:
        return any(id_ != but and known.casefold() == name.casefold() for id_, (known, _) in self.model.albums.items())

    def do_create(self) -> Done | None:
        name, ids = self.chance.choice(NAMES), self.some()
        if self._is_taken(name):
            with pytest.raises(BadInput):
                self.service.create_album(name, ids)
            return None
        done = self.service.create_album(name, ids)
        self.model.albums[str(done.album)] = (name, ids)
        return done

    def do_rename_album(self) -> Done | None:
        album, name = self._album(), self.chance.choice(NAMES)
        if album is None or self._is_taken(name, album):
            return None
        self.model.albums[album] = (name, self.model.albums[album][1])
        return self.service.rename_album(album, name)

    def do_delete(self) -> Done | None:
        album = self._album()
        if album is None:
            return None
        del self.model.albums[album]
        self.model.covers.pop(album, None)
        return self.service.delete_album(album)

    def do_add(self) -> Done | None:
        album, ids = self._album(), self.some()
        if album is None:
            return None
        name, held = self.model.albums[album]
        self.model.albums[album] = (name, [*held, *(id_ for id_ in ids if id_ not in held)])
        return self.service.add_to_album(album, ids)

    def do_take(self) -> Done | None:
        album, ids = self._album(), self.some()
        if album is None:
            return None
        name, held = self.model.albums[album]
        self.model.albums[album] = (name, [id_ for id_ in held if id_ not in ids])
        return self.service.take_from_album(album, ids)

    def do_reorder(self) -> None:
        """It may only close gaps, which the model does not have: so it is told apart by what it did."""
        album, ids = self._album(), self.some()
        if album is None:
            return
        before = copied(self.model)
        name, held = self.model.albums[album]
        first = [id_ for id_ in ids if id_ in held]
        self.model.albums[album] = (name, [*first, *(id_ for id_ in held if id_ not in first)])
        if self.service.reorder_album(album, ids).number is not None:
            self.past.append(before)
            self.future.clear()
        else:
            assert before == self.model

    def do_move(self) -> None:
        album, (photo, before) = self._album(), self.chance.sample(self.ids, 2)
        if album is None:
            return
        former = copied(self.model)
        name, held = self.model.albums[album]
        if photo in held:
            others = [id_ for id_ in held if id_ != photo]
            at = others.index(before) if before in others else len(others)
            self.model.albums[album] = (name, [*others[:at], photo, *others[at:]])
        if self.service.move_in_album(album, photo, before).number is not None:
            self.past.append(former)
            self.future.clear()
        else:
            assert former == self.model

    def do_cover(self) -> Done | None:
        album = self._album()
        held = self.model.albums[album][1] if album else []
        if album is None or not held:
            return None
        self.model.covers[album] = self.chance.choice(held)
        return self.service.choose_cover(album, self.model.covers[album])

    def do_remove(self) -> Done:
        ids = self.some()
        for id_ in ids:
            self.model.photos[id_].binned = True
        return self.service.remove(ids)

    def do_restore(self) -> Done:
        ids = self.some()
        for id_ in ids:
            self.model.photos[id_].binned = False
        return self.service.restore(ids)

    def do_clear(self) -> Done | None:
        if self.chance.random() < 0.7:
            return None
        for photo in self.model.photos.values():
            photo.binned = True
        return self.service.clear()

    def do_decide(self) -> Done:
        groups = [self.some() for _ in range(self.chance.choice((1, 3)))]
        decision = self.chance.choice(DECISIONS)
        for group in groups:
            self._decided(group, decision)
        return self.service.decide(groups, decision)

    def _decided(self, group: list[str], decision: str) -> None:
        pairs = [(group[0], other) for other in group[1:]] if decision == "same" else combinations(group, 2)
        pairs = [(group[0], group[0])] if len(group) == 1 else pairs
        self.model.decided.update({(min(pair), max(pair)): decision for pair in pairs})

    def do_settle(self) -> Done:
        groups, fate = [self.some() for _ in range(self.chance.choice((1, 3)))], self.chance.choice(FATES)
        groups = [group for group in groups if len(group) < PHOTOS] or [self.ids[:2]]
        others = list(dict.fromkeys(id_ for group in groups for id_ in group[1:]))
        for group in groups:
            if len(group) > 1:
                self._decided(group, "same")
        done = self.service.settle(groups, fate, "Copies")
        if others and fate == "album":
            album = self.service.album_named("Copies")
            name, held = self.model.albums.get(str(album), ("Copies", []))
            self.model.albums[str(album)] = (name, [*held, *(id_ for id_ in others if id_ not in held)])
        for photo in (self.model.photos[id_] for id_ in others):
            if fate == "bin":
                photo.binned = True
            elif fate == "tag":
                photo.said["copies"] = photo.tags.get("copies") or "Copies"
        return done

    def do_undo(self) -> None:
        self._turn(self.past, self.future, lambda: self.service.undo())

    def do_redo(self) -> None:
        self._turn(self.future, self.past, lambda: self.service.redo())

    def _turn(self, from_: list[Model], to: list[Model], act: Any) -> None:
        if not from_:
            with pytest.raises(BadInput):
                act()
            return
        act()
        self.undone += 1
        to.append(self.model)
        told = {id_: (photo.file, photo.stars) for id_, photo in self.model.photos.items()}
        self.model = from_.pop()
        for id_, (file, stars) in told.items():  # what files say is not undone
            self.model.photos[id_].file, self.model.photos[id_].stars = dict(file), stars

    def do_file(self) -> None:
        """A photo's file says something else from now on."""
        (id_,) = self.chance.sample(self.ids, 1)
        words, stars = self.chance.sample(OF_FILES, self.chance.randrange(3)), self.chance.choice((None, 1, 4))
        self.catalog.facts.put("test", [FactsRow(id_, PhotoFacts(keywords=tuple(words), rating=stars), None, "")])
        for model in (self.model, *self.past, *self.future):
            photo = model.photos[id_]
            photo.file, photo.stars = {word.casefold(): word for word in words}, stars

    def do_reopen(self) -> None:
        if self.chance.random() < 0.3:
            self.catalog.close()
            self.catalog = Catalog(self.file)

    # ------------------------------------------------------------ compared

    def check(self) -> None:
        facts, model = self.catalog.facts.of_many(self.ids), self.model
        visible = {id_ for id_, photo in model.photos.items() if not photo.binned}
        assert self.catalog.visible(self.ids) == visible and self.catalog.counts()[0] == len(visible)
        assert set(self.catalog.bin.ids()) == set(self.ids) - visible
        with self.catalog._file.reading() as db:
            own = sa.select(images.c.id, images.c.rating, images.c.tags)
            kept = {row.id: (row.rating, row.tags) for row in db.execute(own)}
        for id_, photo in model.photos.items():
            known = facts[id_]
            assert set(known.get("keywords", ())) == set(photo.tags.values()), id_
            rating = photo.stars if photo.rating is None else photo.rating
            assert (known.get("rating"), known.get("favourite", False)) == (rating, photo.favourite)
            assert known.get("note", "") == photo.note and kept[id_] == (rating, len(photo.tags))
        shown = self.catalog.albums.all()
        albums = {one.id: (one.name, self.catalog.albums.photos(one.id)) for one in shown}
        assert self.catalog.decisions.of() == model.decided
        assert albums == {
            id_: (name, [one for one in held if one in visible]) for id_, (name, held) in model.albums.items()
        }
        for one in shown:
            held = albums[one.id][1]
            chosen = model.covers.get(one.id)
            assert (one.cover or None) == (chosen if chosen in held else next(iter(held), None)), one


@pytest.mark.parametrize("seed", [1, 2])
def test_the_catalogue_does_what_a_plain_model_does(tmp_path: Path, seed: int) -> None:
    machine = Machine(tmp_path / "catalog.sqlite3", seed)
    for number in range(STEPS // 2):
        machine.step()
        try:
            machine.check()
        except AssertionError as error:
            raise AssertionError(f"step {number}: {error}") from error
    assert machine.undone > STEPS / 20, "the test undid too little"
    machine.catalog.close()
