"""What tests share: a library in a temporary folder, made-up photos, and models that need no weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from src import mounts
from src.bootstrap import build_services
from src.config import Settings
from src.models.model_manager import Loaded, ModelManager
from src.models.readers.rapid import RapidReader
from src.models.registry import ModelSpec
from src.runtime import Services
from src.schema import JobEvent
from tests.fakes import COLOURS, FakeEmbedder
from tests.spread import pytest_collection_modifyitems as pytest_collection_modifyitems

MountTable = Callable[[str | None], None]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "library")


@pytest.fixture
def models(settings: Settings) -> ModelManager:
    return fake_models(settings)


@pytest.fixture
def services(settings: Settings, models: ModelManager) -> Iterator[Services]:
    """The library of a process that owns it, with a fake model; background jobs are not started."""
    opened = build_services(settings, models=models)
    yield opened
    opened.close()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with red.jpg, green.jpg, blue.jpg and yellow.jpg."""
    folder = tmp_path / "photos"
    for name in ("red", "green", "blue", "yellow"):
        make_photo(folder / f"{name}.jpg", COLOURS[name])
    return folder


@pytest.fixture
def mount_table(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> MountTable:
    """``mount_table(text)``: from now on the lines of this text, as in Linux's /proc/mounts, are what is mounted.

    None: the system does not tell.
    """
    table = tmp_path_factory.mktemp("proc") / "self" / "mounts"
    table.parent.mkdir()
    real = mounts.mounted

    def mounted() -> list[mounts.Mount]:
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(psutil, "PROCFS_PATH", str(table.parent.parent))
            return real()

    def told(text: str | None) -> None:
        table.write_text(text) if text is not None else table.unlink(missing_ok=True)
        monkeypatch.setattr(mounts, "mounted", mounted)

    return told


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real photos.

    Tests that need it are skipped, with this reason, where MFE_TEST_DATA does not name one.
    """
    folder = os.environ.get("MFE_TEST_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("MFE_TEST_DATA names no folder of real photos")
    return Path(folder)


def fake_models(settings: Settings) -> ModelManager:
    return ModelManager(model="builtin", settings=settings, loader=lambda spec, *_: fake_model(spec, "fake"))


def fake_model(spec: ModelSpec, called: str) -> Loaded:
    """Every model but the one that reads text is a fake, called so."""
    return RapidReader() if spec.task == "text" else FakeEmbedder(called)


def make_photo(
    path: Path, colour: tuple[int, int, int] = (120, 120, 120), size: tuple[int, int] = (160, 120), seed: int = 0
) -> Path:
    """A noisy picture of mostly one colour: compresses like a photo, differs by seed."""
    noise = np.random.default_rng(seed).integers(-25, 26, (size[1], size[0], 3))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def cleared(services: Services) -> list[JobEvent]:
    """Clear the library and empty its bin: nothing is left of what it held."""
    return [*services.handlers["clear"]({}), *services.handlers["empty"]({})]


def of(events: Iterable[JobEvent], kind: type) -> list[Any]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def encoded(services: Services) -> int:
    """Pictures that the fake model encoded so far."""
    embedder = services.models.embedder()
    assert isinstance(embedder, FakeEmbedder)
    return embedder.encoded
