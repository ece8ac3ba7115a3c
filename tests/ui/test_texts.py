"""Small pure parts of the pages: numbers, times, progress lines and reports."""

from __future__ import annotations

import csv
import io

import pytest

from src.schema import JobSnapshot
from src.text import count
from src.ui import format
from src.ui.jobs import job_progress
from src.ui.library import clear_dialog


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (20_400_000, "20 MB"), (999_600_000, "1.0 GB")]
)
def test_sizes(number: int, said: str) -> None:
    assert format.size(number) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "under 1 s"), (89, "89 s"), (90, "2 min"), (5_400, "1 h 30 min")])
def test_durations(seconds: float, said: str) -> None:
    assert format.duration(seconds) == said


def test_counts_and_moments() -> None:
    assert (count(1, "photo"), count(1_200, "photo"), count(2, "copy", "copies")) == (
        "1 photo",
        "1,200 photos",
        "2 copies",
    )
    assert format.moment("2024-05-01T10:20:30") == "1 May 2024, 10:20"
    assert (format.moment(None), format.moment("yesterday")) == ("", "yesterday")


def test_literal_text_is_shown_letter_by_letter() -> None:
    assert format.literal("a*b_c [x](y) :red[z] $1$ `q`") == "a\\*b\\_c \\[x\\]\\(y\\) \\:red\\[z\\] \\$1\\$ \\`q\\`"
    assert format.literal("Größe 東京") == "Größe 東京"


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (JobSnapshot("1", "index", "queued", "t"), "Waiting for its turn"),
        (JobSnapshot("1", "index", "running", "t"), "Looking for photos"),
        (
            JobSnapshot("1", "index", "running", "t", done=50, total=100, seconds=5.0),
            "50 of 100 · 10 photos/s · 5 s left",
        ),
        (
            JobSnapshot("1", "download", "running", "t", done=10**7, total=10**8, unit="bytes", seconds=10.0),
            "10 MB of 100 MB · 1.0 MB/s · 2 min left",
        ),
    ],
)
def test_progress_lines(job: JobSnapshot, said: str) -> None:
    assert job_progress.progress_line(job) == said


def test_summaries() -> None:
    done = JobSnapshot("1", "index", "done", "t", indexed=1, already=2, skipped_count=1, seconds=4.2)
    assert (
        job_progress.summary(done) == "added 1 photo in 4 s. 2 files were in the library already. 1 file was skipped."
    )
    assert job_progress.summary(JobSnapshot("1", "index", "done", "t")) == "no photos were found there."
    assert job_progress.summary(JobSnapshot("1", "index", "cancelled", "t", indexed=3, seconds=2.0)).startswith(
        "cancelled; added 3 photos"
    )


def test_a_report_as_csv_keeps_odd_names() -> None:
    rows = [{"File": 'a "b",\nc.jpg', "Why": "It is empty."}]
    assert list(csv.DictReader(io.StringIO(job_progress.as_csv(rows)))) == rows


def test_a_clear_says_what_happens_to_photos_folders_and_uploads() -> None:
    assert clear_dialog.what_happens(5, 2).startswith("5 photos go into the bin, with their facts")
    assert "and 2 folders are followed no more; after 30 days" in clear_dialog.what_happens(5, 2)
    assert "followed" not in clear_dialog.what_happens(1, 0) and "1 photo goes" in clear_dialog.what_happens(1, 0)
    assert goes(2, 2) == "2 uploaded copies are deleted: there may be no other copy of an uploaded photo."
    assert goes(2, 1) == "2 uploaded copies are deleted: there may be no other copy of 1 of them."
    assert goes(2, 0) == "2 uploaded copies are deleted, all of them also in your folders."
    assert goes(1, 0) == "1 uploaded copy is deleted, also in your folders."


goes = clear_dialog.what_goes


def test_nothing_in_a_report_as_csv_is_a_formula() -> None:
    rows = [
        {"File": name, "Why it was skipped": "broken"}
        for name in ("=1+1.jpg", "+A1.jpg", "-2.jpg", "@SUM(A1).jpg", "plain.jpg")
    ]
    text = job_progress.as_csv(rows)
    cells = [row["File"] for row in csv.DictReader(io.StringIO(text))]
    assert cells == ["'=1+1.jpg", "'+A1.jpg", "'-2.jpg", "'@SUM(A1).jpg", "plain.jpg"]
