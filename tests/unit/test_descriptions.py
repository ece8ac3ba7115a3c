"""Descriptions of photos: made by a pass that asks for each picture once, changed by hand, found, kept, and gone with
their photo.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.bootstrap import build_services
from src.database.catalog import row_rules
from src.database.catalog.descriptions import DescriptionRow, bounded
from src.errors import BadInput, EndpointRefused, LibraryUnusable, NotDescribed
from src.lexical import wishes
from src.runtime import Services
from src.schema import Finding, Indexed, PhotoFilter, Progress, Skipped
from src.schema.descriptions import Answer, DescribedObject, Description
from src.services.enrichment.descriptions import DescriptionService
from src.services.enrichment.descriptions_pass import Limits
from src.services.exchange.backup import export_library
from src.services.exchange.restore import import_library
from src.services.search.service import Query
from tests.conftest import cleared, fake_models, make_photo, of
from tests.fakes import COLOURS

CAT = Description("A cat asleep on a chair.", (DescribedObject("cat", "grey", "centre"), DescribedObject("chair")))


class FakeCaptioner:
    """Says which colour most of a picture has. ``fails``: what is raised instead, by the number of the call."""

    model = "fake-vision"
    recipe = "fake 1"

    def __init__(self, sent: int = 1_000, received: int = 100) -> None:
        self.sent, self.received = sent, received
        self.asked: list[str] = []
        self.fails: Callable[[int], Exception | None] = lambda _: None
        self.waits: Callable[[], None] = lambda: None
        self.most = self._now = 0
        """Pictures asked about at once, at most."""
        self._lock = threading.Lock()

    def describe(self, image: Image.Image, halted: Callable[[], bool]) -> Answer:
        mean = np.asarray(image.resize((1, 1)), np.int64).reshape(3)
        name = min(COLOURS, key=lambda colour: int(np.abs(mean - COLOURS[colour]).sum()))
        with self._lock:
            self.asked.append(name)
            number, self._now = len(self.asked), self._now + 1
            self.most = max(self.most, self._now)
        try:
            self.waits()
            if error := self.fails(number):
                raise error
        finally:
            with self._lock:
                self._now -= 1
        said = Description(f"A {name} wall.", (DescribedObject("wall", name, "everywhere"),))
        return Answer(said, self.sent, self.received)


@pytest.fixture
def captioner() -> FakeCaptioner:
    return FakeCaptioner()


@pytest.fixture
def library(services: Services, photos: Path, captioner: FakeCaptioner) -> Services:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    vectors = services.descriptions.vectors
    services.descriptions = DescriptionService(
        services.catalog, services.store, services.library, vectors, lambda url, model: captioner
    )
    return services


def describe(library: Services, *folders: str, **more: object) -> list[object]:
    return list(library.descriptions.describe("http://127.0.0.1:9/v1", "fake-vision", folders or None, **more))  # type: ignore[arg-type]


def found(library: Services, query: str) -> list[str]:
    return sorted(hit.name for hit in library.search.search(Query(query), 9).hits)


def worded(library: Services, text: str) -> list[str]:
    """Names of the photos of which these words are written."""
    while library.catalog.lexical.catch_up():
        pass
    ids = library.catalog.lexical.find(wishes(text), (), None, 99) or []
    return sorted(shown.name for shown in library.catalog.shown(ids).values())


def id_of(library: Services, name: str) -> str:
    with closing(sqlite3.connect(library.catalog.path)) as db:
        return str(db.execute("SELECT image_id FROM files WHERE name = ?", (name,)).fetchone()[0])


def nearest(library: Services, text: str, only: PhotoFilter | None = None) -> list[str]:
    vectors = library.descriptions.vectors
    (matches,) = vectors.nearest(vectors.encode([text]), 9, only)
    names = {id_: shown.name for id_, shown in library.catalog.shown([id_ for id_, _ in matches]).items()}
    return [names[id_] for id_, _ in matches]


# ---------------------------------------------------------------- the pass


def test_each_photo_is_described_once_two_at_a_time(library: Services, captioner: FakeCaptioner) -> None:
    meet = threading.Barrier(2)
    captioner.waits = lambda: meet.wait(10) and None
    assert library.descriptions.waiting() == 4
    events = describe(library)
    assert sorted(event.path for event in of(events, Indexed)) == ["blue.jpg", "green.jpg", "red.jpg", "yellow.jpg"]
    assert captioner.most == 2 and sorted(captioner.asked) == ["blue", "green", "red", "yellow"]
    said = library.descriptions.of_photo(id_of(library, "red.jpg"))
    assert said and said.description.scene_summary == "A red wall." and said.model == "fake-vision"
    assert not said.by_hand and library.descriptions.count() == 4 and library.descriptions.waiting() == 0
    describe(library)
    assert len(captioner.asked) == 4, "nothing is due"
    assert of(events, Finding)[0].text == "4 photos described; 4,000 tokens sent and 400 received."


def test_copies_of_one_picture_share_an_answer_also_while_it_is_asked_for(
    library: Services, photos: Path, captioner: FakeCaptioner, tmp_path: Path
) -> None:
    picture = Image.new("RGB", (64, 48), COLOURS["orange"])
    for name in ("one.png", "two.png", "three.png"):
        info = Image.Exif()
        info[0x010F] = name
        picture.save(photos / name, exif=info)
    list(library.handlers["sync"]({}))
    describe(library)
    assert captioner.asked.count("orange") == 1 and library.descriptions.count() == 7
    spent = library.catalog.descriptions.spent("fake-vision")
    assert (spent.asked, spent.sent, spent.received) == (5, 5_000, 500)


def test_a_picture_without_an_answer_is_left_for_the_next_run(library: Services, captioner: FakeCaptioner) -> None:
    captioner.fails = lambda number: NotDescribed("The answer was no JSON.") if number == 2 else None
    events = describe(library)
    (skipped,) = of(events, Skipped)
    assert skipped.reason == "The answer was no JSON." and len(of(events, Indexed)) == 3
    assert "1 photo could not be described; the next run tries again." in [one.text for one in of(events, Finding)]
    assert library.descriptions.waiting() == 1 and len(captioner.asked) == 4
    captioner.fails = lambda _: None
    assert len(of(describe(library), Indexed)) == 1


def test_a_server_that_refuses_ends_it_and_loses_nothing(library: Services, captioner: FakeCaptioner) -> None:
    """The answer that is on its way when the other is refused is stored."""
    meet = threading.Barrier(2)
    refused = EndpointRefused("The server refuses the key.")

    def wait() -> None:
        if len(captioner.asked) > 2:
            meet.wait(10)

    captioner.waits = wait
    captioner.fails = lambda number: refused if number == 4 else None
    with pytest.raises(EndpointRefused, match="refuses the key"):
        describe(library)
    assert library.descriptions.count() == 3 and library.descriptions.waiting() == 1


def test_a_cancelled_pass_stores_what_was_asked_for_and_goes_on_there(
    library: Services, captioner: FakeCaptioner
) -> None:
    events = library.descriptions.describe("", "fake-vision")
    for event in events:
        if isinstance(event, Progress) and event.done:
            events.close()  # type: ignore[attr-defined]
    asked = len(captioner.asked)
    assert asked < 4 and library.descriptions.count() == asked
    describe(library)
    assert len(captioner.asked) == 4 and library.descriptions.count() == 4


def test_only_photos_of_the_folders_asked_for_are_described(library: Services, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_photo(other / "pink.jpg", COLOURS["pink"])
    list(library.handlers["index"]({"paths": [str(other)]}))
    describe(library, str(other))
    assert library.descriptions.count() == 1
    assert library.descriptions.of_photo(id_of(library, "pink.jpg")) is not None


def test_another_model_describes_again_only_when_asked(library: Services, captioner: FakeCaptioner) -> None:
    describe(library)
    library.curation.describe(id_of(library, "red.jpg"), CAT)
    captioner.model, captioner.recipe = "better", "better 1"
    describe(library)
    assert len(captioner.asked) == 4
    describe(library, again=True)
    assert len(captioner.asked) == 7
    said = [library.descriptions.of_photo(id_of(library, f"{name}.jpg")) for name in ("red", "blue")]
    assert [(one.model, one.by_hand) for one in said if one] == [("fake-vision", True), ("better", False)]


# ---------------------------------------------------------------- limits


def test_a_limit_of_photos_is_kept(library: Services, captioner: FakeCaptioner) -> None:
    events = describe(library, limits=Limits(photos=3))
    assert len(captioner.asked) == 3
    assert of(events, Finding)[-1].text == "Ended at the limit that was set; 1 photo left."


@pytest.mark.parametrize(("budget", "asked"), [(0.25, 2), (0.2, 2), (0.19, 1), (5.0, 4)])
def test_a_budget_is_not_passed(library: Services, captioner: FakeCaptioner, budget: float, asked: int) -> None:
    """An answer costs 1,000 x 90 / 10^6 + 100 x 100 / 10^6 = 0.1."""
    describe(library, limits=Limits(money=budget, price_in=90, price_out=100))
    assert len(captioner.asked) == asked
    spent = library.catalog.descriptions.spent("fake-vision")
    assert Limits(price_in=90, price_out=100).cost(spent.sent, spent.received) <= budget


def test_answers_of_no_use_count_for_the_limits(library: Services, captioner: FakeCaptioner) -> None:
    captioner.fails = lambda number: NotDescribed("No JSON.", "", 1_000, 100) if number == 1 else None
    describe(library, limits=Limits(money=0.25, price_in=90, price_out=100))
    assert len(captioner.asked) == 2 and library.descriptions.count() == 1
    captioner.fails = lambda _: NotDescribed("No JSON.")
    describe(library, limits=Limits(photos=2))
    assert len(captioner.asked) == 4


def test_limits_hold_over_interruptions(library: Services, captioner: FakeCaptioner) -> None:
    """What the same job took before it was paused counts; what others took before it does not."""
    describe(library, limits=Limits(photos=1))
    since = library.descriptions.of_photo(next(id_ for id_, _ in library.catalog.descriptions.all()))
    moment = since.made_at + "0" if since else ""
    describe(library, limits=Limits(photos=1), since=moment)
    assert len(captioner.asked) == 2
    describe(library, limits=Limits(photos=1), since=moment)
    assert len(captioner.asked) == 2
    describe(library, limits=Limits(photos=2), since=moment)
    assert len(captioner.asked) == 3


def test_a_budget_needs_prices_and_a_server_that_tells_its_tokens(library: Services, captioner: FakeCaptioner) -> None:
    with pytest.raises(BadInput, match="A budget needs prices"):
        describe(library, limits=Limits(money=1.0))
    captioner.sent = captioner.received = 0
    with pytest.raises(BadInput, match="does not tell how many tokens"):
        describe(library, limits=Limits(money=1.0, price_in=1.0))
    assert library.descriptions.count() == 1, "what was answered is kept"


def test_an_estimate_is_by_what_was_measured(library: Services) -> None:
    limits = Limits(price_in=90, price_out=100)
    before = library.descriptions.estimate("fake-vision", limits=limits)
    assert (before.waiting, before.photos, before.seconds, before.money) == (4, 4, None, None)
    describe(library, limits=replace(limits, photos=2))
    after = library.descriptions.estimate("fake-vision", limits=limits)
    assert (after.waiting, after.photos) == (2, 2) and after.money == pytest.approx(0.2) and after.seconds is not None
    capped = library.descriptions.estimate("fake-vision", limits=replace(limits, money=0.15))
    assert (capped.photos, capped.money) == (1, pytest.approx(0.1))
    assert library.descriptions.estimate("another", limits=limits).money is None


# ---------------------------------------------------------------- vectors and words


def test_the_nearest_descriptions_are_those_of_a_plain_scan(library: Services) -> None:
    describe(library)
    vectors, stored = library.descriptions.vectors, dict(library.catalog.descriptions.all())
    queries = vectors.encode(["a red wall", "yellow everywhere"])
    assert queries.shape == (2, 384) and np.allclose(np.linalg.norm(queries, axis=1), 1, atol=1e-5)
    matrix = vectors.encode([one.description.text for one in stored.values()])
    for query, matches in zip(queries, vectors.nearest(queries, 3), strict=True):
        by_hand = sorted(zip(matrix @ query, stored, strict=True), reverse=True)[:3]
        assert [id_ for id_, _ in matches] == [id_ for _, id_ in by_hand]
        assert np.allclose([score for _, score in matches], [score for score, _ in by_hand], atol=2e-3)
    scores = vectors.scores(queries, [*stored, "none"])
    assert set(scores) == set(stored)
    assert np.allclose(np.stack([scores[id_] for id_ in stored]), matrix @ queries.T, atol=2e-3)
    assert vectors.count() == 4 and nearest(library, "red", PhotoFilter(str(Path("/nowhere")))) == []


def test_what_is_changed_has_another_vector_and_what_is_deleted_none(library: Services) -> None:
    describe(library)
    red = id_of(library, "red.jpg")
    library.curation.describe(red, CAT)
    assert nearest(library, "a cat asleep")[0] == "red.jpg" and worded(library, "asleep") == ["red.jpg"]
    assert worded(library, "red wall") == []
    library.curation.undo()
    library.descriptions.vectors.catch_up()
    assert nearest(library, "a red wall")[0] == "red.jpg"
    library.curation.delete_description(red)
    assert "red.jpg" not in nearest(library, "a red wall") and worded(library, "red wall") == []
    assert "red.jpg" not in found(library, "has:description") and found(library, "-has:description") == ["red.jpg"]


def test_photos_in_the_bin_are_not_found_and_come_back(library: Services) -> None:
    describe(library)
    library.curation.remove([id_of(library, "red.jpg")])
    assert "red.jpg" not in nearest(library, "a red wall") and library.descriptions.count() == 3
    library.curation.undo()
    assert nearest(library, "a red wall")[0] == "red.jpg"
    cleared(library)
    assert nearest(library, "a red wall") == [] and library.catalog.vectors.count_all("text-descriptions") == 0


def test_words_of_a_description_find_its_photo_and_text_is_what_was_read(library: Services) -> None:
    describe(library)
    assert worded(library, "everywhere") == ["blue.jpg", "green.jpg", "red.jpg", "yellow.jpg"]
    assert found(library, "text:wall") == []
    assert found(library, "has:description") == ["blue.jpg", "green.jpg", "red.jpg", "yellow.jpg"]


# ---------------------------------------------------------------- what the user says


def test_a_deleted_description_stays_deleted_until_asked_for(library: Services, captioner: FakeCaptioner) -> None:
    describe(library)
    red = id_of(library, "red.jpg")
    assert (
        library.curation.delete_description(red).photos == 1 and library.curation.delete_description(red).number is None
    )
    describe(library)
    describe(library, again=True)
    said = library.descriptions.of_photo(red)
    assert said and said.deleted and not said.description.text and len(captioner.asked) == 4
    library.curation.describe_again(red)
    assert library.descriptions.of_photo(red) is None and library.descriptions.waiting() == 1
    describe(library)
    assert len(captioner.asked) == 5
    assert found(library, "has:description") == ["blue.jpg", "green.jpg", "red.jpg", "yellow.jpg"]


def test_a_photo_that_nobody_described_can_be_described_by_hand(library: Services, captioner: FakeCaptioner) -> None:
    red = id_of(library, "red.jpg")
    library.curation.describe(red, CAT)
    said = library.descriptions.of_photo(red)
    assert said and said.by_hand and said.model == "" and said.description == CAT
    describe(library)
    assert "red" not in captioner.asked
    library.curation.undo()
    assert library.descriptions.of_photo(red) is None


def test_what_the_user_changed_while_an_answer_came_stays(library: Services, captioner: FakeCaptioner) -> None:
    red = id_of(library, "red.jpg")
    captioner.waits = lambda: captioner.asked[-1] == "red" and library.curation.describe(red, CAT) and None
    describe(library)
    said = library.descriptions.of_photo(red)
    assert said and said.description == CAT


def test_what_the_user_wrote_follows_a_path_whose_bytes_change(library: Services, photos: Path) -> None:
    describe(library)
    library.curation.describe(id_of(library, "red.jpg"), CAT)
    library.curation.delete_description(id_of(library, "blue.jpg"))
    for name in ("red", "blue", "green"):
        make_photo(photos / f"{name}.jpg", COLOURS["purple"], seed=len(name))
    list(library.handlers["sync"]({}))
    library.descriptions.vectors.catch_up()
    said = {name: library.descriptions.of_photo(id_of(library, f"{name}.jpg")) for name in ("red", "blue", "green")}
    assert said["red"] and said["red"].description == CAT and said["red"].by_hand
    assert said["blue"] and said["blue"].deleted and said["green"] is None
    assert nearest(library, "a cat asleep")[0] == "red.jpg" and library.descriptions.waiting() == 1


@pytest.mark.parametrize("bad", ["", " \n"])
def test_an_empty_description_is_refused(library: Services, bad: str) -> None:
    with pytest.raises(BadInput, match="says nothing"):
        library.curation.describe(id_of(library, "red.jpg"), Description(bad))


def test_what_a_model_says_is_bounded() -> None:
    wild = Description("a\x1b[31m\nb\0" * 20_000, tuple(DescribedObject("x" * 999, "\0") for _ in range(2_000)))
    said = bounded(wild)
    assert len(said.scene_summary) <= 10_000 and len(said.objects) == 500 and len(said.objects[0].label) == 200
    assert all(character.isprintable() for character in said.text)


# ---------------------------------------------------------------- kept


def test_descriptions_are_kept_by_a_backup_and_by_another_model(
    library: Services, captioner: FakeCaptioner, tmp_path: Path
) -> None:
    describe(library)
    library.curation.describe(id_of(library, "red.jpg"), CAT)
    library.curation.delete_description(id_of(library, "blue.jpg"))
    list(library.handlers["reindex"]({"model": "builtin"}))
    assert nearest(library, "a cat asleep")[0] == "red.jpg"
    archive = tmp_path / "library.zip"
    list(export_library(library.settings, library.catalog, archive))
    target = replace(library.settings, home=tmp_path / "restored")
    list(import_library(target, archive))
    with closing(sqlite3.connect(target.catalog_file if target.catalog_file.exists() else _waiting(target))) as db:
        rows = db.execute("SELECT said, by_hand, deleted FROM descriptions ORDER BY said").fetchall()
        kept = db.execute("SELECT count(*) FROM vectors JOIN collections ON name = collection WHERE kind = 'text'")
        assert kept.fetchone()[0] == 3
    assert [(said[:5], *flags) for said, *flags in rows] == [
        ("", 0, 1), ("A cat", 1, 0), ("A gre", 0, 0), ("A yel", 0, 0),
    ]  # fmt: skip


def _waiting(target: object) -> Path:
    raise AssertionError("the library is at its place")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("objects", '[["wall","red"]]'),
        ("said", "other words"),
        ("deleted", 1),
        ("sent", -1),
    ],
)
def test_a_strangers_description_that_is_none_is_refused(
    library: Services, tmp_path: Path, column: str, value: object
) -> None:
    describe(library)
    with closing(sqlite3.connect(library.catalog.path)) as db, db:
        for name in ("descriptions_other", "lexical_descriptions_update"):
            db.execute(f"DROP TRIGGER {name}")
        db.execute(f"UPDATE descriptions SET {column} = ?", (value,))
    archive = tmp_path / "library.zip"
    list(export_library(library.settings, library.catalog, archive))
    with pytest.raises(LibraryUnusable, match="descri"):
        list(import_library(replace(library.settings, home=tmp_path / "restored"), archive))


@pytest.mark.parametrize("value", ["{}", "[", b"\xff\x00", "[[1,2,3]]", 7])
def test_odd_rows_end_nothing(library: Services, value: object) -> None:
    describe(library)
    with closing(sqlite3.connect(library.catalog.path)) as db, db:
        db.execute("UPDATE descriptions SET objects = ?, scene_summary = ?, made_at = ?", (value, value, value))
    said = library.descriptions.of_photo(id_of(library, "red.jpg"))
    assert said is not None and said.description.objects == ()
    assert library.descriptions.count() == 4 and len(list(library.catalog.descriptions.all())) == 4
    library.descriptions.vectors.catch_up()


def test_descriptions_go_with_their_photo(library: Services) -> None:
    describe(library)
    cleared(library)
    with closing(sqlite3.connect(library.catalog.path)) as db:
        assert db.execute("SELECT count(*) FROM descriptions").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM vectors").fetchone() == (0,)


def test_a_vector_is_stored_with_the_words_in_one_go(library: Services) -> None:
    red = id_of(library, "red.jpg")
    vectors = library.descriptions.vectors
    row = DescriptionRow(red, CAT, "m")
    library.store.put_descriptions([row], {red: vectors.encode([CAT.text])[0]})
    assert nearest(library, CAT.text) == ["red.jpg"]
    assert library.store.put_descriptions([replace(row, image_id="gone")], {}) == []


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("src.services.enrichment.descriptions_pass.TELL_SECONDS", 0.02)
    yield


def test_the_doctor_finds_nothing_wrong_with_descriptions(library: Services) -> None:
    describe(library)
    library.curation.describe(id_of(library, "red.jpg"), CAT)
    library.curation.delete_description(id_of(library, "blue.jpg"))
    assert of(list(library.handlers["doctor"]({"repair": True})), Finding) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("objects", "{}"),
        ("objects", "[" * 9),
        ("scene_summary", b"\xff"),
        ("scene_summary", "x" * 10_001),
        ("made_at", "never"),
        ("pixels", b"short"),
        ("seconds", float("nan")),
    ],
)
def test_the_rules_of_a_strangers_values(column: str, value: object) -> None:
    assert not row_rules.of_table("descriptions")[column](value)


def test_a_strangers_vectors_of_nothing_are_left_behind(library: Services, tmp_path: Path) -> None:
    """One of no words and one that is missing are as many as there should be: what is missing is made all the same."""
    describe(library)
    with closing(sqlite3.connect(library.catalog.path)) as db, db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        red, blue = id_of(library, "red.jpg"), id_of(library, "blue.jpg")
        db.execute(
            "UPDATE descriptions SET said = '', scene_summary = '', objects = '[]', deleted = 1 WHERE image_id = ?",
            (red,),
        )
        db.execute("DELETE FROM vectors WHERE image_id = ?", (blue,))
    archive = tmp_path / "library.zip"
    list(export_library(library.settings, library.catalog, archive))
    target = replace(library.settings, home=tmp_path / "restored")
    list(import_library(target, archive))
    restored = build_services(target, models=fake_models(target))
    assert nearest(restored, "red") and "red.jpg" not in nearest(restored, "red")
    assert restored.descriptions.vectors.catch_up() == 1 and nearest(restored, "a blue wall")[0] == "blue.jpg"
    restored.close()
