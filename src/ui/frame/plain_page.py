"""The app's colours for a page that is drawn without Streamlit: the theme as the browser's person has it set."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from src.ui.frame.component import TOKENS

_OPTIONS = {
    "primary-color": "primaryColor",
    "background-color": "backgroundColor",
    "secondary-background-color": "secondaryBackgroundColor",
    "text-color": "textColor",
    "border-color": "borderColor",
    "link-color": "linkColor",
}
"""Streamlit's variables in CSS, and the theme's options that they are of."""


def style() -> str:
    """As CSS: the variables that ``tokens.css`` goes by, light and dark, and that table itself."""
    tokens = Path(TOKENS).read_text(encoding="utf-8").replace(":host", ":root")
    return f"{_theme('light')}\n@media (prefers-color-scheme: dark) {{ {_theme('dark')} }}\n{tokens}\n"


def _theme(name: str) -> str:
    colours = {variable: st.get_option(f"theme.{name}.{option}") for variable, option in _OPTIONS.items()}
    return f":root {{ {' '.join(f'--st-{variable}: {colour};' for variable, colour in colours.items() if colour)} }}"
