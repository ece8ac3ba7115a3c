"""What a browser session knows of describing photos: what was chosen, and which models a server said it has.

The only place that names keys of ``st.session_state`` for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import streamlit as st

from src.models.captioners.offered import OfferedModel

SERVER, ADDRESS, MODEL = "describe-server", "describe-address", "describe-model"
MOST, PRICE_IN, PRICE_OUT, BUDGET = "describe-most", "describe-price-in", "describe-price-out", "describe-budget"
"""Widget keys of the form."""
_ALL = (SERVER, ADDRESS, MODEL, MOST, PRICE_IN, PRICE_OUT, BUDGET)


def start(usual: Mapping[str, Any]) -> None:
    """Before the widgets of a run: what was chosen last; Streamlit forgets widgets of a page that was left."""
    kept = st.session_state.get("describe_kept", {})
    for key in _ALL:
        st.session_state.setdefault(key, kept.get(key, usual.get(key)))


def keep() -> None:
    """After the widgets of a run."""
    st.session_state["describe_kept"] = {key: st.session_state.get(key) for key in _ALL}


def chosen(key: str) -> Any:
    return st.session_state.get(key)


def choose(key: str, value: object) -> None:
    """Before the widgets of a run."""
    st.session_state[key] = value


def models(address: str) -> tuple[OfferedModel, ...] | None:
    """The models at an address; None where they were not looked for."""
    return cast("dict[str, tuple[OfferedModel, ...]]", st.session_state.get("describe_models", {})).get(address)


def set_models(address: str, found: tuple[OfferedModel, ...]) -> None:
    st.session_state["describe_models"] = {address: found}
