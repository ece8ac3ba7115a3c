"""The query language in a search: restrictions, what is not wanted, weights, orders, and mere lists."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from src.errors import BadQuery
from src.runtime import Services
from src.schema import Mode
from src.services.search.service import Query
from tests.fakes import COLOURS, colour_picture


@pytest.fixture
def library(services: Services, tmp_path: Path) -> Services:
    """A picture of each colour, the warm ones in a folder of their own, and one half red, half blue."""
    for number, colour in enumerate(COLOURS):
        folder = tmp_path / ("warm" if colour in ("red", "orange", "yellow", "pink") else "others")
        folder.mkdir(exist_ok=True)
        exif = Image.Exif()
        exif[0x010F], exif[0x0110] = ("Nikon", "Z 6") if number % 2 else ("Canon", "EOS R5")
        exif.get_ifd(0x8769)[0x9003] = f"20{10 + number:02}:05:01 12:00:00"
        colour_picture(colour, (48 + number, 32)).save(folder / f"{colour}.jpg", exif=exif)
    colour_picture("red", (32, 48), second="blue").save(tmp_path / "others" / "both.png")
    list(services.handlers["index"]({"paths": [str(tmp_path / "warm"), str(tmp_path / "others")]}))
    list(services.handlers["facts"]({}))
    return services


def names(library: Services, text: str, limit: int = 20, **more: object) -> list[str]:
    return [Path(hit.name).stem for hit in library.search.search(Query(text, **more), limit).hits]  # type: ignore[arg-type]


def test_restrictions_narrow_the_search_and_are_no_words(library: Services) -> None:
    assert names(library, "red")[0] == "red"
    assert set(names(library, "red in:warm")) == {"red", "orange", "yellow", "pink"}
    assert "red" not in names(library, "red -in:warm") and names(library, "red -in:warm")[0] == "both"
    page = library.search.search(Query("red camera:nikon"))
    assert page.filtered and page.words == "red" and page.searched == 6
    assert names(library, "red is:portrait") == ["both"]
    assert names(library, "red date:2011..2013") == names(library, "red after:2010 before:2014")


def test_every_range_of_dates_must_hold(library: Services) -> None:
    assert names(library, "red date:>=2011 date:<2014") == names(library, "red date:2011..2013") != []
    assert names(library, "sort:name date:2011 date:2012") == []
    assert names(library, "sort:name date:2011|2012") == sorted(names(library, "sort:name date:2011..2012"))


def test_a_star_behind_a_backslash_is_a_star(library: Services, tmp_path: Path) -> None:
    for number, name in enumerate(("5* best", "5 other best")):
        (tmp_path / name).mkdir()
        colour_picture("red", (70 + number, 32)).save(tmp_path / name / f"{number}*.png")
        list(library.handlers["index"]({"paths": [str(tmp_path / name)]}))
    assert sorted(names(library, 'in:"5* best"')) == ["0*", "1*"]
    assert names(library, 'in:"5\\* best"') == ["0*"] and names(library, 'in:"5\\**"') == ["0*"]
    assert names(library, "name:*0\\*.png") == ["0*"] and names(library, "name:0\\*") == ["0*"]
    assert names(library, "-name:*\\** in:5*") == []
    assert names(library, 'title:"\\*"') == [] == names(library, "tag:a\\*") == names(library, "tag:a\\**")


def test_restrictions_of_a_query_and_what_is_asked_beside_it_both_hold(library: Services, tmp_path: Path) -> None:
    from src.schema import PhotoFilter

    only = PhotoFilter(folder=str(tmp_path / "warm"))
    found = library.search.search(Query("red date:2010"), only=only)
    assert [hit.name for hit in found.hits] == ["red.jpg"]
    assert library.search.search(Query("red date:2011"), only=only).verdict == "empty"


def test_queries_with_other_restrictions_are_answered_in_one_call_in_their_order(library: Services) -> None:
    texts = ["red in:warm", "blue", "red", "in:warm sort:name", "blue in:others"]
    pages = library.search.search_many([Query(text) for text in texts], 3)
    alone = [library.search.search(Query(text), 3) for text in texts]
    assert [[hit.id for hit in page.hits] for page in pages] == [[hit.id for hit in page.hits] for page in alone]


def test_what_is_not_wanted_goes_down_or_away(library: Services) -> None:
    assert names(library, "red", 2) == ["red", "both"]
    assert "both" not in names(library, "red -blue", 4) and names(library, "red -blue")[0] == "red"
    hit = library.search.search(Query("red -blue"), 1).hits[0]
    assert hit.score == pytest.approx(library.search.search(Query("red"), 1).hits[0].score, abs=1e-3)
    assert hit.band == "strong"


def test_only_what_is_not_wanted_gives_all_the_others(library: Services) -> None:
    found = names(library, "-red -blue")
    assert not {"red", "blue", "both"} & set(found) and len(found) == 10


def test_a_picture_and_words_that_are_not_wanted(library: Services) -> None:
    both = next(hit.id for hit in library.search.search(Query("red"), 2).hits if hit.name == "both.png")
    assert set(names(library, "", 2, like=both)) == {"red", "blue"}
    assert names(library, "-blue", 1, like=both) == ["red"]
    assert set(names(library, f"similar:{both}", 2)) == {"red", "blue"}
    assert "red" not in names(library, f"pink -similar:{library.search.search(Query('red'), 1).hits[0].id}", 3)


def test_weights_move_the_direction(library: Services) -> None:
    def score(text: str, name: str) -> float:
        return next(hit.score for hit in library.search.search(Query(text), 20).hits if hit.name == name)

    assert score("red^3 blue", "red.jpg") > score("red blue", "red.jpg") > score("red blue^3", "red.jpg")


def test_an_order_is_kept_among_what_is_likely(library: Services) -> None:
    page = library.search.search(Query("red sort:name"), 20)
    likely = [hit.name for hit in library.search.search(Query("red"), 20).hits if hit.chance >= 0.5]
    assert [hit.name for hit in page.hits] == sorted(likely) and len(likely) < 13
    assert [hit.name for hit in library.search.search(Query("red sort:-name"), 20).hits] == sorted(likely)[::-1]
    none = library.search.search(Query("quarterly report sort:date"), 5)
    assert [notice.code for notice in none.notices] == ["unsorted"] and none.verdict == "nothing"


def test_restrictions_alone_list_photos_in_order(library: Services) -> None:
    page = library.search.search(Query("in:warm"), 10)
    assert page.listed and page.verdict == "match" and page.searched == 4
    dates = {name: number for number, name in enumerate(COLOURS)}
    assert names(library, "in:warm") == sorted(("red", "orange", "yellow", "pink"), key=lambda name: -dates[name])
    assert names(library, "in:warm sort:-date") == names(library, "in:warm")[::-1]
    assert names(library, "in:warm sort:name") == ["orange", "pink", "red", "yellow"]
    assert names(library, "sort:date")[-1] == "both", "a photo without a date comes last, whichever way"
    assert names(library, "sort:-date")[-1] == "both"
    assert library.search.search(Query("in:nowhere")).verdict == "empty"
    assert len(names(library, "sort:size", 3)) == 3


def test_what_was_misread_is_said_and_nothing_to_do_is_refused(library: Services) -> None:
    page = library.search.search(Query("red rateing:5"))
    assert [notice.code for notice in page.notices] == ["language"] and "rating:" in page.notices[0].sentence
    for text in ("", "  ", '""'):
        with pytest.raises(BadQuery):
            library.search.search(Query(text))


def test_a_listed_photo_whose_file_went_is_not_listed(library: Services, tmp_path: Path) -> None:
    os.remove(tmp_path / "warm" / "red.jpg")
    list(library.handlers["sync"]({}))
    assert "red" not in names(library, "in:warm")


@pytest.mark.parametrize("text", ["sort:-relevance", "red sort:-relevance", "in:warm sort:-relevance", "red rating:>="])
@pytest.mark.parametrize("mode", ["images", "objects", "both"])
def test_odd_orders_and_ends_are_said_or_ignored(library: Services, text: str, mode: Mode) -> None:
    try:
        page = library.search.search(Query(text), mode=mode)
    except BadQuery:
        return
    assert bool(page.notices) == ("rating" in text) or mode == "objects"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_few_photos_are_judged_too(services: Services, tmp_path: Path, number: int) -> None:
    for colour in list(COLOURS)[:number]:
        (tmp_path / "few").mkdir(exist_ok=True)
        colour_picture(colour).save(tmp_path / "few" / f"{colour}.png")
    list(services.handlers["index"]({"paths": [str(tmp_path / "few")]}))
    picture = colour_picture("red")
    for query in (Query(image=picture), Query("red", picture), Query("red"), Query("-red"), Query("-red", picture)):
        assert all(0 <= hit.percent <= 100 for hit in services.search.search(query).hits)


def test_what_is_not_wanted_is_not_brought_back_by_its_name(services: Services, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for colour in COLOURS:
        colour_picture(colour).save(tmp_path / "p" / f"{colour}.png")
    colour_picture("red", second="blue").save(tmp_path / "p" / "red holiday.png")
    list(services.handlers["index"]({"paths": [str(tmp_path / "p")]}))
    assert "red holiday" not in names(services, '"red" -blue')


def test_where_much_is_not_wanted_more_is_looked_at(services: Services, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for number in range(60):
        colour_picture("red", (40 + number, 40), second="blue").save(tmp_path / "p" / f"both{number}.png")
    colour_picture("pink").save(tmp_path / "p" / "pink.png")
    list(services.handlers["index"]({"paths": [str(tmp_path / "p")]}))
    assert names(services, "red -blue", 5)[0] == "pink"
