"""A link that saves a file which one of our routes makes when it is asked for.

Streamlit's own button asks the page's script for the file, and loses it where the page is drawn again meanwhile.
"""

from __future__ import annotations

from src.ui import address
from src.ui.frame.component import beside


def show(label: str, path: str, name: str, key: str) -> None:
    """path: of the route, from ``/api`` on. name: of the file that is saved."""
    data = {"label": label, "href": address.on_server(path), "name": name}
    beside(__file__, "download_link", '<a class="root"></a>')(key=key, data=data, width="content")
