"""Photos described over HTTP by a server that fails now and then: by the command line and by jobs that are cancelled,
paused and killed. No answer is lost, none is asked for twice, and the key is written nowhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.bootstrap import build_services
from src.cli.arguments import main
from src.config import PROJECT_DIR, Settings
from src.models.captioners import http_captioner
from src.models.captioners.waiting import Clock, Patience
from src.runtime import Services
from src.services.jobs.handlers import queue_descriptions
from src.services.jobs.kinds import Describe
from tests.conftest import fake_models
from tests.vision_server import Asked, Reply, VisionServer, busy, cut_off, error, normal, says

KEY = "sk-zorro-4711-never-written"
MODEL = "colours-vl:2b"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MFE_VISION_URL", "MFE_VISION_MODEL", "GROQ_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MFE_VISION_API_KEY", KEY)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sleeps between two attempts."""
    clock = Clock(sleep=lambda _: None)
    made = http_captioner.HttpCaptioner.__init__
    monkeypatch.setattr(
        http_captioner.HttpCaptioner,
        "__init__",
        lambda self, endpoint: made(self, endpoint, Patience(pause_s=0.01), clock),
    )


def filled(settings: Settings, folder: Path, number: int) -> Services:
    """A library of that many small pictures, no two alike, with the services that own it."""
    folder.mkdir(exist_ok=True)
    numbers = np.random.default_rng(7)
    for at in range(number):
        pixels = np.repeat(np.repeat(numbers.integers(0, 256, (2, 2, 3), np.uint8), 16, 0), 16, 1)
        Image.fromarray(pixels).save(folder / f"{at:03}.png")
    services = build_services(settings, models=fake_models(settings))
    list(services.handlers["index"]({"paths": [str(folder)]}))
    return services


class Counting:
    """Answers normally, and counts for each picture how often it did."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.answered: Counter[str] = Counter()

    def __call__(self, asked: Asked) -> Reply:
        time.sleep(self.delay)
        told = normal(asked)
        picture = asked.picture
        assert picture is not None
        self.answered[hashlib.sha256(picture.tobytes()).hexdigest()] += 1
        return told


def failing(counting: Counting, share: float) -> object:
    """The same, but for this share of the calls, which fail in one way or another."""
    chance = random.Random(7)
    ways = (busy("1"), error(500), error(503), cut_off(), says("I can't."), says('{"scene_summary": '))

    def every(asked: Asked) -> Reply:
        return chance.choice(ways) if chance.random() < share else counting(asked)

    return every


def stored(settings: Settings) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(settings.catalog_file)) as db:
        return db.execute("SELECT image_id, said FROM descriptions").fetchall()


def key_in(folder: Path) -> list[Path]:
    """Files that hold the key, or enough of it."""
    return [file for file in folder.rglob("*") if file.is_file() and b"zorro-4711" in file.read_bytes()]


def test_500_photos_with_a_fifth_of_the_calls_failing(
    settings: Settings, tmp_path: Path, impatient: None, capfd: pytest.CaptureFixture[str]
) -> None:
    """By a job that is cancelled, paused and resumed: none is lost, and no answer is thrown away."""
    services, counting = filled(settings, tmp_path / "photos", 500), Counting()
    with VisionServer(key=KEY, every=failing(counting, 0.2)) as server:  # type: ignore[arg-type]
        services.start()
        asked = Describe(server.base_url, MODEL)
        first = queue_descriptions(services.jobs, asked)
        assert queue_descriptions(services.jobs, asked) == first, "it is not done twice at once"
        _until(lambda: len(counting.answered) > 60)
        services.jobs.cancel(first)
        assert services.jobs.wait(first, 30).state == "cancelled"  # type: ignore[union-attr]
        assert services.descriptions.count() == len(counting.answered)
        second = queue_descriptions(services.jobs, asked)
        _until(lambda: len(counting.answered) > 150)
        services.jobs.pause(second)
        _until(lambda: services.jobs.snapshot(second).state == "paused")  # type: ignore[union-attr]
        assert services.descriptions.count() == len(counting.answered)
        services.jobs.resume(second)
        done = services.jobs.wait(second, 120)
        assert done and done.state == "done", done
        if services.descriptions.waiting():  # a picture may have failed as often as it was asked for
            list(services.handlers["describe"](asked.as_json()))
    services.close()
    assert len(stored(settings)) == 500 and all(said for _, said in stored(settings))
    assert len(counting.answered) == 500 and set(counting.answered.values()) == {1}
    with closing(sqlite3.connect(settings.catalog_file)) as db:
        assert db.execute(
            "SELECT count(*) FROM vectors JOIN collections ON name = collection AND kind = 'text'"
        ).fetchone() == (500,)
        assert all("zorro" not in str(row) for row in db.execute("SELECT params, progress, title FROM jobs"))
    assert key_in(settings.home) == [] and "zorro" not in "".join(capfd.readouterr())


def _until(done: object) -> None:
    until = time.monotonic() + 60
    while not done():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_killed_run_goes_on_where_it_was(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At most the two answers that were on their way when it was killed are asked for again."""
    filled(settings, tmp_path / "photos", 24).close()
    counting = Counting(delay=0.05)
    with VisionServer(key=KEY, every=counting) as server:
        command = ["describe", "--library", str(settings.home), "--url", server.base_url, "--model", MODEL, "--json"]
        killed = subprocess.Popen([sys.executable, "-m", "src.cli", *command], cwd=PROJECT_DIR, stdout=subprocess.PIPE)
        _until(lambda: len(counting.answered) > 8)
        os.kill(killed.pid, signal.SIGKILL)
        killed.communicate()
        before = len(stored(settings))
        assert 6 < before < 24
        counting.delay = 0.0
        assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["described"] == 24 - before and told["photos"] == 24 and told["waiting"] == 0
    assert len(stored(settings)) == len(counting.answered) == 24
    assert sum(counting.answered.values()) <= 26 and key_in(settings.home) == []


def test_the_command_tells_what_it_would_take_and_keeps_limits(
    settings: Settings, tmp_path: Path, impatient: None, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(settings, tmp_path / "photos", 6).close()
    with VisionServer() as server:
        command = ["describe", "--library", str(settings.home), "--url", server.base_url, "--model", MODEL]
        prices = ["--price-in", "1000", "--price-out", "5000"]  # an answer of 300 and 40 tokens costs 0.5
        assert main([*command, *prices, "--budget", "1", "--json"]) == 0
        told = capsys.readouterr()
        assert json.loads(told.out)["described"] == 2 and json.loads(told.out)["tokens_sent"] == 600
        assert f"The pictures stay on this machine, with the program at 127.0.0.1:{server.server_port}." in told.err
        assert "To describe: 6 of 6 photos without a description. Time: not known yet. Cost: not known yet." in told.err
        assert main([*command, *prices, "--limit", "1"]) == 0
        told = capsys.readouterr()
        assert "To describe: 1 of 4 photos" in told.err and "Cost: 0.5000." in told.err
        assert "Ended at the limit that was set; 3 photos left." in told.out
        assert main([*command, "--folder", str(tmp_path / "elsewhere"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["described"] == 0
        assert main([*command, "--budget", "1"]) == 2 and "A budget needs prices" in capsys.readouterr().err
        assert main([*command, "--limit", "-1"]) == 2
    assert main([*command, "--json"]) == 1, "the server is gone"
    assert "error" in json.loads(capsys.readouterr().out) and len(stored(settings)) == 3


def test_files_are_described_without_a_library(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MFE_HOME", str(tmp_path / "none"))
    Image.new("RGB", (64, 32), (220, 30, 30)).save(tmp_path / "red.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    with VisionServer(key=KEY) as server:
        monkeypatch.setenv("MFE_VISION_URL", server.base_url)
        monkeypatch.setenv("MFE_VISION_MODEL", MODEL)
        assert main(["describe", str(tmp_path / "red.png"), "--json"]) == 0
        (told,) = json.loads(capsys.readouterr().out)
        assert set(told) == {"path", "scene_summary", "objects", "took_ms"}
        assert told["scene_summary"] == "A wide picture that is red on the whole."
        assert told["objects"] == [{"label": "surface", "color": "red", "position": "centre"}]
        assert main(["describe", str(tmp_path)]) == 1
        shown = capsys.readouterr()
        assert "red on the whole" in shown.out and "broken.png" in shown.err
        assert main(["describe", "--models", "--json"]) == 0
        assert [model["id"] for model in json.loads(capsys.readouterr().out)] == list(server.models)
        monkeypatch.setenv("MFE_VISION_API_KEY", "wrong")
        asked = len(server.asked)
        assert main(["describe", *[str(tmp_path / "red.png")] * 3]) == 1
        assert len(server.asked) == asked + 1, "it refuses the others too"
        monkeypatch.setenv("MFE_VISION_API_KEY", KEY)
    monkeypatch.delenv("MFE_VISION_URL")
    assert main(["describe", str(tmp_path)]) == 2
    assert main(["describe", "--url", f"https://me:{KEY}@example.org/v1", "--model", MODEL, str(tmp_path)]) == 2
    monkeypatch.setenv("MFE_VISION_URL", server.base_url)
    monkeypatch.delenv("MFE_VISION_MODEL")
    assert main(["describe", str(tmp_path)]) == 2
    assert not (tmp_path / "none").exists() and "zorro" not in "".join(capsys.readouterr())


def test_descriptions_go_from_one_library_to_another_by_files(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(settings, tmp_path / "photos", 3).close()
    with VisionServer() as server:
        command = ["describe", "--library", str(settings.home), "--url", server.base_url, "--model", MODEL]
        assert main(command) == 0
    assert main(["describe", "--library", str(settings.home), "--export", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["descriptions"] == 3
    other = replace(settings, home=tmp_path / "other")
    filled(other, tmp_path / "photos", 3).close()
    assert main(["describe", "--library", str(other.home), "--import", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"imported": 3, "notes": []}
    assert sorted(stored(other)) == sorted(stored(settings))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("src.services.jobs.runner.STORE_SECONDS", 0.02)
    monkeypatch.setattr("src.services.enrichment.descriptions_pass.TELL_SECONDS", 0.05)
    yield
