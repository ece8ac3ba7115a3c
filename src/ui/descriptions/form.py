"""Which server describes photos, by which of its models, where they go, and what it may cost."""

from __future__ import annotations

from functools import partial

import streamlit as st

from src.config import KEYS_OF_HOSTS, OWN_KEY
from src.errors import AppError
from src.models.captioners.endpoint import PRESETS, Endpoint, where_pictures_go
from src.models.captioners.offered import OfferedModel
from src.runtime import Services
from src.services.enrichment.descriptions import Estimate
from src.services.enrichment.descriptions_pass import Limits
from src.services.jobs.handlers import queue_descriptions
from src.services.jobs.kinds import Describe
from src.text import count, shown
from src.ui.descriptions import told
from src.ui.format import duration, literal
from src.ui.frame import error_box
from src.ui.jobs import told as jobs_told

ANOTHER = "Another server"
_ADDRESSES = {preset.name: preset.base_url for preset in PRESETS}


def show(services: Services) -> None:
    """The form, from the choice of a server to the button that begins."""
    told.start(_usual(services))
    with st.container(border=True, key="describe-form"):
        st.markdown("#### Describe photos")
        st.caption(
            "A vision model writes a sentence or two about each photo and lists the things in it, and searches find "
            "photos by these words. It runs in a program of its own, on this computer or elsewhere."
        )
        endpoint = _server(services)
        if endpoint:
            _where(endpoint)
            limits = _limits()
            _begin(services, endpoint, limits)
    told.keep()


def _usual(services: Services) -> dict[str, object]:
    """What is chosen before anybody has chosen anything."""
    own = services.settings.vision_url
    first = next((name for name, address in _ADDRESSES.items() if address == own), ANOTHER) if own else PRESETS[0].name
    numbers = {told.MOST: 0, told.PRICE_IN: 0.0, told.PRICE_OUT: 0.0, told.BUDGET: 0.0}
    address = own or PRESETS[0].base_url
    return numbers | {told.SERVER: first, told.ADDRESS: address, told.MODEL: services.settings.vision_model}


# ---------------------------------------------------------------- where, and by which model


def _server(services: Services) -> Endpoint | None:
    """The chosen model at the chosen address; None where the address is none that may be used, which is said."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="describe-where"):
        st.selectbox("Server", [*_ADDRESSES, ANOTHER], key=told.SERVER, on_change=_take_preset, width=180)
        st.text_input("Address", key=told.ADDRESS, placeholder="http://127.0.0.1:11434/v1", on_change=_name_server)
        looking = st.button("Look for models", icon=":material/search:", key="describe-look")
    try:
        endpoint = services.servers.endpoint(told.chosen(told.ADDRESS) or "", told.chosen(told.MODEL) or "")
        if looking:
            with st.spinner("Asking the server"):
                _found(endpoint, services.servers.models(endpoint.base_url))
    except AppError as error:
        error_box.show(error)
        return None
    _choose_model(endpoint)
    return endpoint.with_model((told.chosen(told.MODEL) or "").strip())


def _found(endpoint: Endpoint, models: tuple[OfferedModel, ...]) -> None:
    """Keep the models there are; where none was chosen, one that says that it takes pictures, or the only one, is."""
    told.set_models(endpoint.base_url, models)
    if models and not endpoint.model and (models[0].takes_pictures or len(models) == 1):
        told.choose(told.MODEL, models[0].id)


def _take_preset() -> None:
    address = _ADDRESSES.get(told.chosen(told.SERVER))
    if address:
        told.choose(told.ADDRESS, address)
        told.choose(told.MODEL, None)


def _name_server() -> None:
    """An address that was typed may be another server's than the chosen one."""
    typed = (told.chosen(told.ADDRESS) or "").strip().rstrip("/")
    told.choose(told.SERVER, next((name for name, address in _ADDRESSES.items() if address == typed), ANOTHER))


def _choose_model(endpoint: Endpoint) -> None:
    """The server's own list; any name can be typed where it was not asked, or keeps a model to itself."""
    found = told.models(endpoint.base_url)
    names = {model.id: model for model in found or ()}
    chosen = told.chosen(told.MODEL)
    options = [*names, *([chosen] if chosen and chosen not in names else [])]
    st.selectbox(
        "Model",
        options,
        format_func=partial(_named, names),
        index=None,
        key=told.MODEL,
        accept_new_options=True,
        placeholder="Choose or type a model" if found else "Look for models, or type one",
    )
    if found is not None:
        st.caption(_told_of(found))


def _named(names: dict[str, OfferedModel], model: str) -> str:
    seen = names[model].takes_pictures if model in names else None
    return f"{shown(model)}{'' if seen is None else ' – takes pictures' if seen else ' – takes no pictures'}"


def _told_of(found: tuple[OfferedModel, ...]) -> str:
    if not found:
        return "The server has no models yet: get one there first."
    seeing = sum(bool(model.takes_pictures) for model in found)
    if seeing:
        return f"{count(len(found), 'model')}; {seeing:,} of them say that they take pictures, and stand first."
    return f"{count(len(found), 'model')}. The server does not say which take pictures; the likely ones stand first."


def _where(endpoint: Endpoint) -> None:
    """Where pictures go, and whether there is a key for it."""
    sentence = literal(where_pictures_go(endpoint.base_url, endpoint.model))
    small = "Each is sent as a JPEG of at most 768 pixels, without its metadata; two are asked about at a time."
    if endpoint.stays_here:
        st.info(f"{sentence} {small}", icon=":material/home:")
    else:
        st.warning(f"**{sentence}** {small}", icon=":material/cloud_upload:")
    if endpoint.key:
        st.caption("A key for it is known.")
    elif not endpoint.is_local:
        names = " or ".join(filter(None, (KEYS_OF_HOSTS.get(endpoint.host), OWN_KEY)))
        st.caption(
            f"No key for it is known. Where it wants one, set {literal(names)} before the app starts, or write it into "
            "`.streamlit/secrets.toml`."
        )


# ---------------------------------------------------------------- limits, and the button


def _limits() -> Limits:
    with st.expander("Limits", icon=":material/tune:"):
        with st.container(horizontal=True, key="describe-limits"):
            most = st.number_input("At most so many photos", 0, step=100, key=told.MOST, help="0: all that wait.")
            price_in = _money("Price of a million tokens sent", told.PRICE_IN)
            price_out = _money("Price of a million tokens received", told.PRICE_OUT)
            budget = _money("Budget", told.BUDGET, "In the currency of the prices; 0: none. The job ends before it.")
        st.caption("What tokens cost is in the server's price list. A model on this computer costs nothing.")
    return Limits(int(most or 0), budget, price_in, price_out)


def _money(label: str, key: str, explained: str = "0: not known, or nothing.") -> float:
    return float(st.number_input(label, 0.0, step=0.05, format="%.2f", key=key, help=explained) or 0.0)


def _begin(services: Services, endpoint: Endpoint, limits: Limits) -> None:
    """How many photos wait, what that takes, and the button."""
    if limits.money and not (limits.price_in or limits.price_out):
        st.error("A budget needs prices: say what a million tokens cost, sent and received.", icon=":material/error:")
        return
    estimate = services.descriptions.estimate(endpoint.model, None, limits)
    running = any(job.kind == "describe" for job in services.jobs.active())
    idle = not endpoint.model or not estimate.photos or running
    with st.container(horizontal=True, vertical_alignment="center", key="describe-begin"):
        label = f"Describe {count(estimate.photos, 'photo')}" if estimate.photos else "Describe photos"
        icon = ":material/play_arrow:"
        if st.button(label, type="primary", icon=icon, key="describe-start", disabled=idle):
            asked = Describe(
                endpoint.base_url, endpoint.model, None, limits.photos, limits.money, limits.price_in, limits.price_out
            )
            jobs_told.also_watch(queue_descriptions(services.jobs, asked))
            st.rerun()
        st.caption(_waiting(estimate, endpoint, running))


def _waiting(estimate: Estimate, endpoint: Endpoint, running: bool) -> str:
    """Beside the button: what it would do, or why it can't be pressed."""
    if running:
        return "Photos are being described."
    if not estimate.waiting:
        return "Every photo has a description."
    if not endpoint.model:
        return f"{count(estimate.waiting, 'photo has', 'photos have')} no description. Choose a model first."
    parts = [f"{count(estimate.waiting, 'photo has', 'photos have')} no description"]
    if estimate.seconds is not None:
        parts.append(f"about {duration(estimate.seconds)}")
    if estimate.money is not None:
        parts.append(f"about {estimate.money:,.2f} by the prices given")
    return " · ".join(parts)
