"""Queries are completed while they are typed, as the page's own script does it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from src.config import PROJECT_DIR
from src.runtime import Services
from src.services.search.completing import begins_some, offers, piece_at_end

TEXTS = ["", "ca", "red cam", 'in:"a b', "tag:x ", 'a "b c" d', "a\\ b", 'x \\"y z', "-tag:a|b", "é in:"]


def texts(services: Services, before: str) -> list[str]:
    return [offer.text for offer in offers(services.vocabulary, before)[1]]


def test_keys_come_the_shortest_first(services: Services) -> None:
    assert texts(services, "red ti") == ["title:"] and texts(services, "-cam") == ["-camera:"]
    assert (
        texts(services, "is") == ["is:", "iso:"] and texts(services, "sor") == ["sort:"] and texts(services, "x") == []
    )
    assert begins_some("red ti") and begins_some("tag:") and not begins_some("red ") and not begins_some("zebra")


def test_values_are_the_librarys_or_the_same_everywhere(services: Services, photos: Path) -> None:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    services.curation.tag(services.catalog.listing.ids(None, "name")[:1], ["sea side", "50%*"], [])
    assert texts(services, "tag:se") == ['tag:"sea side" '] and texts(services, "-tag:x|se") == ['-tag:x|"sea side" ']
    assert texts(services, "tag:50") == ["tag:50%\\* "], "a star that is one"
    assert texts(services, "is:por") == ["is:portrait "] and texts(services, "sort:-na") == ["sort:-name "]


def test_the_page_sees_the_same_piece_before_the_caret() -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    script = PROJECT_DIR / "src" / "ui" / "search" / "completions.js"
    code = (
        f"const {{pieceBefore}} = await import('data:text/javascript,' + encodeURIComponent("
        f"(await import('fs')).readFileSync({json.dumps(str(script))}, 'utf8')));"
        f"console.log(JSON.stringify({json.dumps(TEXTS)}.map((text) => pieceBefore(text)[0])))"
    )
    run = subprocess.run(
        ["node", "--input-type=module", "-e", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(run.stdout) == [piece_at_end(text) for text in TEXTS]
