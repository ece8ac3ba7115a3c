"""Tags, ratings, favourites, notes, descriptions, albums, duplicates and the bin: what the user does with photos, each
an operation that can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from src.database.catalog.albums import Album
from src.database.catalog.bin import Binned
from src.database.catalog.catalog import Catalog
from src.database.catalog.descriptions import bounded
from src.database.catalog.marks import STEP, TagCount
from src.database.catalog.operations import Operation
from src.database.catalog.row_rules import OBJECTS, SUMMARY
from src.errors import AppError, BadInput
from src.identity import is_id
from src.schema.descriptions import Description
from src.schema.duplicates import DECISIONS, FATES, Decision, Fate
from src.text import folded, shown

LONGEST_TAG, LONGEST_NOTE = 200, 10_000
"""Most characters of a tag or of an album's name, and of a note."""


@dataclass(frozen=True)
class Done:
    """What came of an operation.

    photos: how many it changed. number: the operation's, by which the history has it; None where all was so already,
    and there is nothing to undo. album: id of the album that was made.
    """

    kind: str
    photos: int
    number: int | None
    album: str | None = None


@dataclass(frozen=True)
class TagNode:
    """A tag in the tree of tags.

    tag: all of it, such as ``trip/italy``. name: its last step. photos: visible ones that have it or one below it.
    """

    tag: str
    name: str
    photos: int
    children: tuple[TagNode, ...] = ()


class CurationService:
    """Every method that changes something does so in one transaction, for any number of photos (ids of images).

    Raises BadInput, in one sentence, for what makes no sense. Ids that there are none of are left out.
    """

    def __init__(self, catalog: Catalog, reword: Callable[[], object] = lambda: None) -> None:
        """reword: has what hangs on the words of descriptions follow them, after each change to any."""
        self._catalog = catalog
        self._reword = reword

    # ------------------------------------------------------------ tags

    def tag(self, ids: Sequence[str], add: Sequence[str] = (), remove: Sequence[str] = ()) -> Done:
        """Put tags on photos and take others off, with those below them: ``trip`` takes ``trip/italy`` off too.

        The steps of a tag have a slash between them.
        """
        put_on, taken_off = (list(dict.fromkeys(map(tag_of, tags))) for tags in (add, remove))
        return _done("tag", self._catalog.marks.tag(ids, put_on, taken_off))

    def refuse_tag(self, ids: Sequence[str], tag: str) -> Done:
        """These photos do not have the tag: they lose it, and are not suggested for it again."""
        return _done("refuse-tag", self._catalog.marks.refuse(ids, tag_of(tag)))

    def rename_tag(self, tag: str, into: str) -> Done:
        """Everywhere, with what is below it. Where photos have the new one too, they have it once."""
        return self._renamed("rename-tag", [tag], into)

    def merge_tags(self, tags: Sequence[str], into: str) -> Done:
        """Photos that have one of these have another in its place."""
        return self._renamed("merge-tags", tags, into)

    def _renamed(self, kind: str, tags: Sequence[str], into: str) -> Done:
        return _done(kind, self._catalog.marks.rename(kind, [tag_of(tag) for tag in tags], tag_of(into)))

    def tags(self) -> list[TagCount]:
        """All tags of visible photos, by name, those among them that only stand above others."""
        return self._catalog.marks.tags()

    def tag_tree(self) -> list[TagNode]:
        """The same as a tree: the tags of its first level."""
        return _tree(self.tags(), 1)

    # ------------------------------------------------------------ rating, favourite, note

    def rate(self, ids: Sequence[str], rating: int | None) -> Done:
        """0 to 5 stars, -1 for a rejected photo; None: what the photo's file says counts again."""
        if rating is not None and not -1 <= rating <= 5:
            raise BadInput(f"{rating} is no rating.", "Give 0 to 5 stars, or -1 for a photo that you reject.")
        return _done("rate", self._catalog.marks.rate(ids, rating))

    def favourite(self, ids: Sequence[str], on: bool = True) -> Done:
        return _done("favourite", self._catalog.marks.favourite(ids, on))

    def note(self, ids: Sequence[str], text: str) -> Done:
        """An empty text takes the note away. It may have several lines."""
        return _done("note", self._catalog.marks.note(ids, note_of(text)))

    # ------------------------------------------------------------ descriptions

    def describe(self, image_id: str, description: Description) -> Done:
        """What a photo shows, in the user's own words, in place of what a model says."""
        said = bounded(description)
        if not said.text:
            raise BadInput("The description says nothing.", "Delete it if there is to be none.")
        if len(description.scene_summary) > SUMMARY or len(description.objects) > OBJECTS:
            raise BadInput(f"A description has at most {SUMMARY:,} characters and {OBJECTS} things.", "Shorten it.")
        return self._reworded(_done("describe", self._catalog.descriptions.change(image_id, said)))

    def delete_description(self, image_id: str) -> Done:
        """Nothing is said of the photo any more, and no model is asked about it until ``describe_again``."""
        return self._reworded(_done("delete-description", self._catalog.descriptions.delete(image_id)))

    def describe_again(self, image_id: str) -> Done:
        """A photo whose description was deleted is to be described by the next run."""
        return self._reworded(_done("describe-again", self._catalog.descriptions.ask_again(image_id)))

    def _reworded(self, done: Done) -> Done:
        """What does not follow now does so in the background: it must not make a change look undone."""
        with suppress(AppError):
            self._reword()
        return done

    # ------------------------------------------------------------ albums

    def albums(self) -> list[Album]:
        """By name; of each, how many of its photos are visible, and the one that stands for it."""
        return self._catalog.albums.all()

    def album_photos(self, album: str) -> list[str]:
        """Ids of its visible photos, in its order."""
        return self._catalog.albums.photos(album)

    def album_named(self, name: str) -> str | None:
        """Id of the album of that name, whatever its capitals."""
        return self._catalog.albums.named(name)

    def create_album(self, name: str, ids: Sequence[str] = ()) -> Done:
        album, operation = self._catalog.albums.create(_name(name), ids)
        return _done("album", operation, album)

    def rename_album(self, album: str, name: str) -> Done:
        return _done("rename-album", self._catalog.albums.rename(album, _name(name)), album)

    def delete_album(self, album: str) -> Done:
        """Its photos stay in the library."""
        return _done("delete-album", self._catalog.albums.delete(album), album)

    def add_to_album(self, album: str, ids: Sequence[str]) -> Done:
        """At its end; photos that are in it stay where they are."""
        return _done("add-to-album", self._catalog.albums.add(album, ids), album)

    def take_from_album(self, album: str, ids: Sequence[str]) -> Done:
        return _done("take-from-album", self._catalog.albums.take_out(album, ids), album)

    def reorder_album(self, album: str, ids: Sequence[str]) -> Done:
        """These of its photos first, in this order; the others after them, as they were."""
        return _done("reorder-album", self._catalog.albums.reorder(album, ids), album)

    def move_in_album(self, album: str, photo: str, before: str | None) -> Done:
        """One of its photos right before another of them; to its end where that is None."""
        return _done("reorder-album", self._catalog.albums.move(album, photo, before), album)

    def choose_cover(self, album: str, photo: str) -> Done:
        """One of its photos stands for it, in place of the first."""
        return _done("cover", self._catalog.albums.choose_cover(album, photo), album)

    # ------------------------------------------------------------ the bin

    def remove(self, ids: Sequence[str]) -> Done:
        """Put photos into the bin: nothing finds them any more. Their files are not touched."""
        return _done("remove", self._catalog.bin.remove(ids))

    def restore(self, ids: Sequence[str]) -> Done:
        """Take photos out of the bin, with all that is known of them; shown are those of which a file is there."""
        return _done("restore", self._catalog.bin.restore([id_ for id_ in ids if is_id(id_)]))

    def clear(self) -> Done:
        """Put every photo into the bin, and follow no folder any more."""
        return _done("clear", self._catalog.bin.clear())

    def binned(self, limit: int, offset: int = 0) -> list[Binned]:
        """Photos in the bin, the last removed first."""
        return self._catalog.bin.shown(limit, offset)

    def number_binned(self) -> int:
        return self._catalog.bin.number()

    # ------------------------------------------------------------ duplicates

    def decide(self, groups: Sequence[Sequence[str]], decision: Decision) -> Done:
        """Remember what the photos of each group are to each other; of a group of one photo, that its files are known.

        They are not asked about again, also after they were forgotten and added anew.
        """
        if decision not in DECISIONS or not any(groups):
            raise BadInput(f"{decision!r} is no decision.", f"Say {', '.join(DECISIONS)}.")
        return _done("decide", self._catalog.decisions.decide(groups, decision))

    def settle(self, groups: Sequence[Sequence[str]], fate: Fate, name: str = "") -> Done:
        """Remember of each group that its photos are the same, keep the first, and see to the others, all in one.

        fate: they go into the bin, get the tag ``name``, or go into the album of that name, which is made where there
        is none. Groups of one photo are left as they are.
        """
        if fate not in FATES:
            raise BadInput(f"{fate!r} is nothing that can be done with copies.", f"Say {', '.join(FATES)}.")
        if fate != "bin":
            name = tag_of(name) if fate == "tag" else _name(name)
        return _done("settle", self._catalog.decisions.settle(groups, fate, name))

    # ------------------------------------------------------------ undo

    def undo(self) -> Done:
        """Take the last operation back. Raises BadInput where there is none, or all its photos are gone for good."""
        return self._reworded(_turned(self._catalog.operations.undo()))

    def redo(self) -> Done:
        """Do again what was undone last, as long as nothing else was done since. Raises BadInput as above."""
        return self._reworded(_turned(self._catalog.operations.redo()))

    def can_undo(self) -> bool:
        return self._catalog.operations.can()[0]

    def can_redo(self) -> bool:
        return self._catalog.operations.can()[1]

    def history(self, limit: int = 100) -> list[Operation]:
        """The last operations, the latest first, those that were undone among them."""
        return self._catalog.operations.history(limit)


def tag_of(text: str) -> str:
    """A tag as it is stored: without blanks around its steps, and without empty steps. Raises BadInput."""
    steps = [" ".join(step.split()) for step in _plain(text, "tag").split(STEP)]
    tag = STEP.join(filter(None, steps))
    if not tag or len(tag) > LONGEST_TAG:
        raise BadInput("A tag has a name." if not tag else f"A tag has at most {LONGEST_TAG} characters.")
    return tag


def note_of(text: str) -> str:
    """A note as it is stored. Raises BadInput."""
    lines = [_plain(line.rstrip(), "note") for line in text.strip().splitlines()]
    if sum(map(len, lines)) + len(lines) > LONGEST_NOTE:
        raise BadInput(f"The note is longer than {LONGEST_NOTE:,} characters.", "Shorten it.")
    return "\n".join(lines)


def _name(text: str) -> str:
    name = " ".join(_plain(text, "name").split())
    if not name or len(name) > LONGEST_TAG:
        raise BadInput("An album has a name." if not name else f"A name has at most {LONGEST_TAG} characters.")
    return name


def _plain(text: str, what: str) -> str:
    if shown(text.replace("\t", " ")) != text.replace("\t", " "):
        raise BadInput(f"The {what} has characters in it that can't be shown.", "Type it again.")
    return text


def _tree(tags: Sequence[TagCount], level: int) -> list[TagNode]:
    """Of tags in the order of their names, those of a level, each with what is below it."""
    found: list[TagNode] = []
    below: dict[str, list[TagCount]] = {}
    for counted in tags:
        below.setdefault(_start(counted.tag, level), []).append(counted)
    for group in below.values():
        above = TagCount(STEP.join(group[0].tag.split(STEP)[:level]), group[0].photos)  # damage may have left none
        own = next((counted for counted in group if counted.tag.count(STEP) == level - 1), above)
        children = _tree([counted for counted in group if counted.tag.count(STEP) >= level], level + 1)
        found.append(TagNode(own.tag, own.tag.rpartition(STEP)[2], own.photos, tuple(children)))
    return found


def _start(tag: str, steps: int) -> str:
    return folded(STEP.join(tag.split(STEP)[:steps]))


def _done(kind: str, operation: Operation | None, album: str | None = None) -> Done:
    return Done(kind, operation.photos, operation.number, album) if operation else Done(kind, 0, None, album)


def _turned(operation: Operation) -> Done:
    return Done(operation.kind, operation.photos, operation.number)
