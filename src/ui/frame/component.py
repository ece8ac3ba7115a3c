"""Components of our own: files beside a Python module, with the one table of colours before their style."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

TOKENS = Path(__file__).with_name("tokens.css")


@st.cache_resource(show_spinner=False)
def component(name: str, css: tuple[str, ...], scripts: tuple[str, ...], html: str = '<div class="root"></div>') -> Any:
    """Registered once a process. css, scripts: paths of files, of which several become one, in this order."""
    style, js = (
        "\n".join(Path(file).read_text(encoding="utf-8") for file in files) for files in ((str(TOKENS), *css), scripts)
    )
    return st.components.v2.component(name, html=html, css=style, js=js)


def beside(module: str, name: str, html: str = '<div class="root"></div>', after: str = "") -> Any:
    """The component of the files ``name.css`` and ``name.js`` beside a module (its ``__file__``).

    after: name of a script there whose functions that one calls.
    """
    here = Path(module).parent
    scripts = tuple(str(here / f"{one}.js") for one in (after, name) if one)
    return component(name, (str(here / f"{name}.css"),), scripts, html)


@st.cache_resource(show_spinner=False)
def script(module: str, name: str) -> Any:
    """The component of the script ``name.js`` beside a module (its ``__file__``), which draws nothing. Registered once
    a process.
    """
    js = Path(module).with_name(f"{name}.js").read_text(encoding="utf-8")
    return st.components.v2.component(name, html="<span></span>", js=js)


def reported(key: str, trigger: str) -> Any:
    """What a component reports by a trigger; to be asked in the callback of that.

    None where it is not known any more: Streamlit forgets the keys of what a run did not come to, because another one
    cut it short.
    """
    return getattr(st.session_state.get(key), trigger, None)
