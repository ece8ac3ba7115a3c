"""The colours of our own components stand in one file, and nowhere else."""

from __future__ import annotations

import re

import pytest

from src.config import PROJECT_DIR
from src.ui.frame.component import TOKENS

FOLDER = PROJECT_DIR / "src" / "ui"
STYLES = sorted(path for path in FOLDER.rglob("*.css") if path != TOKENS)
RAW = re.compile(
    r"#[0-9a-f]{3,8}\b|\b(rgb|hsl|hwb|lab|lch|oklab|oklch)a?\(|:[^;{]*\b(white|black|gr[ae]y|red|green|blue|yellow|orange)\b(?!-)"
    r"|var\(--st-[a-z-]*color",
    re.IGNORECASE,
)
"""A colour that is written out, or one of the theme's by its own name."""


def plain(css: str) -> str:
    """Without comments, selectors and what is in quotes."""
    return re.sub(r"/\*.*?\*/|\"[^\"]*\"", "", css, flags=re.DOTALL)


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_a_component_has_no_colour_of_its_own(style: object) -> None:
    lines = plain(style.read_text(encoding="utf-8")).splitlines()  # type: ignore[attr-defined]
    assert [line.strip() for line in lines if RAW.search(line)] == []


def test_a_colour_that_is_written_out_is_found() -> None:
    for line in ("a { color: #fff; }", "a { background: rgb(0 0 0 / 5%); }", "a { color: white; }"):
        assert RAW.search(plain(line)), line
    assert RAW.search("a { color: var(--st-text-color); }")
    assert not RAW.search("a { color: var(--mfe-text); white-space: nowrap; }")


def test_every_token_that_is_used_is_there_and_every_one_there_is_used() -> None:
    known = set(re.findall(r"^ +--mfe-([a-z-]+):", TOKENS.read_text(encoding="utf-8"), re.MULTILINE))
    used = {name for path in STYLES for name in re.findall(r"--mfe-([a-z-]+)", path.read_text(encoding="utf-8"))}
    assert used == known


def test_more_contrast_and_the_systems_own_colours_are_answered() -> None:
    css = TOKENS.read_text(encoding="utf-8")
    assert "@media (prefers-contrast: more)" in css and "@media (forced-colors: active)" in css
    forced = css[css.index("@media (forced-colors") :]
    assert not RAW.search(plain(forced)), "the system's own colours have names"
