"""The app: Streamlit pages and HTTP routes in one process. Start it with `make run` (or `streamlit run app.py`)."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from src.api.limits import bound_requests
from src.api.origin_guard import Doors
from src.api.pages import KnownPages
from src.api.routes import routes
from src.api.stopping import stop_within_seconds
from src.config import Settings
from src.errors import BadSetting
from src.ui.frame import plain_page
from src.ui.page_ends import ENDS
from src.ui.resources import close_services, get_services, log_surprise, open_early


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[dict[str, Any]]:
    threading.Thread(target=open_early, name="open", daemon=True).start()
    yield {}
    close_services()


def settings() -> Settings:
    """What the doors go by, whatever else is set."""
    try:
        return Settings.from_env()
    except BadSetting:  # the page says which
        return Settings.who_may()


main = Path(__file__).parent / "src" / "ui" / "main.py"
# Streamlit puts the page's folder on the import path for each run and takes it off after it, under the feet of
# whichever thread
# is importing at that moment, which then misses a module that is there. A folder that is on the path already is left
# alone.
sys.path.append(str(main.parent))
bound_requests()
stop_within_seconds()
base = str(st.get_option("server.baseUrlPath") or "")
app = st.App(
    main,
    lifespan=lifespan,
    routes=routes(get_services, base),
    middleware=[
        Middleware(Doors, settings=settings, base=base, style=plain_page.style),
        Middleware(KnownPages, base=base, ends=ENDS),
    ],
    on_script_error=log_surprise,
)
