"""Keys in Streamlit's own file of secrets, which the app keeps in memory and shows to nobody."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from src.config import KEYS_OF_HOSTS, OWN_KEY


def known() -> Mapping[str, object]:
    """The keys to servers that describe photos, by their names; none without such a file, or where it can't be read."""
    if not st.secrets.load_if_toml_exists():
        return {}
    told = st.secrets.to_dict()
    return {name: told[name] for name in (OWN_KEY, *KEYS_OF_HOSTS.values()) if name in told}
