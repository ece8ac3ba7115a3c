"""Lab: how well models tell the classes of labelled pictures apart."""

from __future__ import annotations

from src.ui.lab import page
from src.ui.resources import get_services

page.show(get_services())
