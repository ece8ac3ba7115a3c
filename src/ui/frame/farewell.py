"""Quitting from the page."""

from __future__ import annotations

import signal
import threading

import streamlit as st

ALONE = """<style>
[data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stToast"], [data-testid="stDialog"] { \
display: none !important; }
</style>"""
"""The frame has nothing to offer any more, and Streamlit's own "Connection error" would alarm for nothing."""
GRACE = 0.8
"""Seconds for the last page to reach the browser."""


def show() -> None:
    """Say goodbye, then end the process the way Ctrl-C does: jobs are left to go on at the next start."""
    st.html(ALONE)
    st.markdown("### Media Feature Extractor has ended")
    st.markdown("You can close this tab.")
    timer = threading.Timer(GRACE, signal.raise_signal, (signal.SIGINT,))
    timer.daemon = True
    timer.start()
