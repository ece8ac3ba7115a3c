"""What is made of benchmark results: figures against their bars, one table, a page's generated part, pictures; and
photos for memory.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import bars, curves, memory, quick
from benchmarks.bars import Figure, Verdict
from benchmarks.quick import Benchmark, Outcome
from tests.conftest import make_photo

MACHINE = {
    "commit": "0123456789ab",
    "cores": 2,
    "system": "Linux x86_64",
    "python": "3.11",
    "matrix_product_1024_s": 0.005,
}


def search_result() -> dict[str, Any]:
    figures = {"p50_ms": 9.5, "p95_ms": 14.0, "encode_p50_ms": 7.0, "vectors_p50_ms": 1.5, "numpy_p50_ms": 9.0}
    figures |= {"recall": 0.992, "exact_share": 0.0, "spread": 0.1}
    kinds = {kind: dict(figures) for kind in ("none", "0.1%", "1%", "10%", "50%", "album")}
    sizes = {
        str(size): {"clustered-512": kinds, "recall_least": 0.992, "reopen_s": 3.0, "resident_mb": 900}
        for size in (1_000, 100_000)
    }
    return {"sizes": sizes, "quick": False, "machine": MACHINE}


def test_a_figure_is_within_its_bar_or_not_or_was_not_measured() -> None:
    least, most = Figure("b", "t", ("a",), "x", least=2.0), Figure("b", "t", ("a",), "ms", most=15.0)
    assert [Verdict(least, value, None).within for value in (2.0, 1.99, None)] == [True, False, None]
    assert [Verdict(most, value, None).within for value in (15.0, 15.1, None)] == [True, False, None]
    assert Verdict(Figure("b", "t", ("a",)), 3.0, None).within is None
    assert Verdict(most, 17.0, 400.0).cells == ("b: t", "17 ms", "<= 15", "400 ms ()", "NO")
    assert Verdict(most, None, None).cells[1] == "not measured"


def test_figures_are_found_in_results() -> None:
    result = search_result()
    result["sizes"]["100000"]["clustered-512"]["50%"]["p50_ms"] = 31.0
    found = {verdict.figure.text: verdict for verdict in bars.verdicts({"search": result})}
    assert (
        found["100,000 photos, filter keeps 50%, p50"].within is False
        and found["100,000 photos, no filter, p50"].within is True
    )
    assert found["100,000 photos, recall@10, lowest of these"].value == 0.992
    assert found["1,000 photos, of it vectors"].peer == 9.0
    assert bars.verdicts({}) == []
    works = {"limit_4gb": {"builtin": {"works": False}}}
    assert [v.within for v in bars.verdicts({"memory": works}) if "built-in model, whole journey" in v.figure.text] == [
        False
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(0.99983, "0.9998"), (0.1234, "0.123"), (12.34, "12.3"), (1234.5, "1,234"), (None, "")]
)
def test_numbers_have_the_digits_that_count(value: float | None, text: str) -> None:
    assert bars.number(value) == text


# ------------------------------------------------------------ the quick set


def test_one_table_tells_of_figures_and_failures() -> None:
    outcomes = [
        Outcome(Benchmark("search"), 60.0, search_result()),
        Outcome(Benchmark("decode"), 1.0, None, "exit code 1"),
    ]
    lines = quick.table(outcomes).splitlines()
    assert any(line.startswith("search: 1,000 photos, no filter, p50") and line.endswith("yes") for line in lines)
    assert any(line.startswith("decode") and "FAILED" in line and "exit code 1" in line for line in lines)
    assert (
        lines[-1]
        == "commit 0123456789ab, 2 cores, Linux x86_64; 61 s; 0 figures outside their bar, 1 benchmarks failed"
    )


def test_a_benchmark_that_fails_is_exit_1_and_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = Outcome(Benchmark("retrieval"), 1.0, {"flickr8k": {"r@10": 0.7}, "machine": MACHINE})
    real = quick.run
    monkeypatch.setattr(quick, "BENCHMARKS", (Benchmark("no_such_benchmark"), Benchmark("retrieval")))
    monkeypatch.setattr(
        quick, "run", lambda benchmark, *rest: good if benchmark.name == "retrieval" else real(benchmark, *rest)
    )
    assert quick.main(["--results", str(tmp_path / "results"), "--json"]) == 1
    out = capsys.readouterr().out
    assert "no_such_benchmark" in out and "FAILED" in out and "retrieval: flickr8k test, R@10" in out
    assert json.loads(out.splitlines()[-1])["retrieval"]["flickr8k"] == {"r@10": 0.7}
    assert [file.name for file in (tmp_path / "results").iterdir()] == ["retrieval.json"]


@pytest.mark.parametrize("output", [b"", b"no json", b"{}\n7", b"[1]"])
def test_an_output_without_an_object_is_no_result(output: bytes) -> None:
    assert quick.last_object(output) is None


def test_the_last_line_is_the_result() -> None:
    assert quick.last_object(b"progress\n" + json.dumps({"a": 1}).encode() + b"\n") == {"a": 1}


# ------------------------------------------------------------ tables and curves


def test_the_page_has_its_generated_part_replaced_and_nothing_else(tmp_path: Path) -> None:
    results, docs = tmp_path / "results", tmp_path / "docs"
    results.mkdir()
    docs.mkdir()
    (results / "search.json").write_text(json.dumps(search_result()))
    (docs / "performance.md").write_text(f"# before\n{curves.BEGIN}\nold\n{curves.END}\nafter\n")
    for _ in range(2):
        assert curves.main(["--results", str(results), "--docs", str(docs), "--write"]) == 0
    text = (docs / "performance.md").read_text()
    assert text.startswith("# before\n") and text.endswith("\nafter\n") and "old" not in text
    assert text.count("| search: 100,000 photos, no filter, p50 | 9.5 ms | <= 15 |  | yes |") == 1
    assert (
        "Not run: ingest, ingest-library, decode, startup, gallery, memory, retrieval, segments, sam, small_things."
        in text
    )
    for name in ("search-latency.png", "search-filters.png"):
        assert f"(performance/{name})" in text
        with Image.open(docs / "performance" / name) as picture:
            assert (
                picture.format == "PNG"
                and picture.width > 600
                and len(np.unique(np.asarray(picture.convert("L")))) > 10
            )


def test_the_projects_own_page_has_the_marks() -> None:
    page = Path(curves.PROJECT_DIR / "docs" / "performance.md").read_text()
    assert "generated" in curves.replaced(page, "generated")


def test_speeds_and_stages_of_adding_photos_are_drawn(tmp_path: Path) -> None:
    speeds = {name: {"median": 20.0, "spread": 0.1} for name in ("transformers", "vit", "builtin")}
    result = {
        "images_per_s": speeds,
        "stage_seconds": {"vit": {"decode": 1.0, "encode": 9.0}},
        "vit_ratio": 1.9,
        "machine": MACHINE,
    }
    result |= {"builtin_ratio": 6.5, "precisions": {"vit": "bf16", "builtin": "fp32"}}
    assert curves.draw({"ingest": result}, tmp_path) == ["ingest-speed.png"]
    found = {verdict.figure.text: verdict for verdict in bars.verdicts({"ingest": result})}
    assert found["ViT-B/32, photos a second"].peer == 20.0
    ratio = found["ViT-B/32, against a transformers fp32 loop over the same network"]
    assert ratio.within and ratio.cells[0].endswith("(ours in bf16)")
    other = next(verdict for text, verdict in found.items() if verdict.figure.path == ("builtin_ratio",))
    assert "another, far larger network" in other.cells[0] and other.cells[0].endswith("(ours in fp32)")


@pytest.mark.parametrize("commit", ["0123456789ab+", "unknown", ""])
def test_a_result_without_a_commit_of_its_own_does_not_get_into_the_page(
    tmp_path: Path, commit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sam.json").write_text(json.dumps({"ratio": 2.0, "machine": MACHINE | {"commit": commit}}))
    (tmp_path / "performance.md").write_text(f"{curves.BEGIN}\nold\n{curves.END}\n")
    assert curves.main(["--results", str(tmp_path), "--docs", str(tmp_path), "--write"]) == 1
    assert "not committed" in capsys.readouterr().err and "sam" not in (tmp_path / "performance.md").read_text()


def test_without_marks_or_results_it_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert curves.main(["--results", str(tmp_path)]) == 1
    assert "holds no result" in capsys.readouterr().err
    with pytest.raises(ValueError, match="lacks the marks"):
        curves.replaced("nothing here", "x")


def test_labels_at_the_same_height_are_kept_apart() -> None:
    from matplotlib.figure import Figure as Picture

    axes = Picture().subplots()
    axes.set_ylim(0, 1)
    heights = curves.spaced(axes, [0.5, 0.5, 0.1, 0.51], least=0.1)
    assert heights == pytest.approx([0.5, 0.6, 0.1, 0.7])


# ------------------------------------------------------------ memory


def test_a_comment_makes_another_file_of_the_same_picture(tmp_path: Path) -> None:
    data = make_photo(tmp_path / "a.jpg").read_bytes()
    (tmp_path / "b.jpg").write_bytes(memory.with_comment(data, "7"))
    assert (tmp_path / "b.jpg").read_bytes() != data
    with Image.open(tmp_path / "a.jpg") as one, Image.open(tmp_path / "b.jpg") as two:
        assert np.array_equal(np.asarray(one), np.asarray(two)) and two.info["comment"] == b"7"


def test_large_photos_are_distinct_and_of_the_size_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SIZE", (600, 400))
    for number in range(3):
        make_photo(tmp_path / "photos1000" / f"n0000000{number}_thing.jpg", (80 * number, 90, 200))
    folder = memory.make_photos(tmp_path / "photos1000", tmp_path / "made", 7, 1000)
    files = sorted(folder.iterdir())
    assert len({file.read_bytes() for file in files}) == len(files) == 7
    with Image.open(files[0]) as picture, Image.open(files[3]) as again:
        assert picture.size == (600, 400) and np.array_equal(np.asarray(picture), np.asarray(again))
    with pytest.raises(FileNotFoundError):
        memory.make_photos(tmp_path / "nothing", tmp_path / "more", 3, 3)
