"""Tokens, on the page Statistics & about: made, shown once, listed and revoked."""

from __future__ import annotations

import streamlit as st

from src.errors import AppError
from src.runtime import Services
from src.secret import Secret, Token
from src.services.library.tokens import NAME_CHARACTERS, Tokens
from src.text import count
from src.ui.format import literal
from src.ui.frame import error_box

_NAME, _NEW, _PROBLEM = "token-name", "token-new", "token-problem"
ABOUT = (
    "A program proves by a token that it may use the library over HTTP ([what it can ask](api/docs)). On this computer "
    r"it may do without one; from other devices (the setting MFE\_HOSTS) everything asks for one, these pages too."
)


def show(services: Services) -> None:
    tokens = Tokens(services.settings.tokens_file)
    st.markdown("#### Other programs")
    st.markdown(ABOUT)
    if _NAME not in st.session_state:  # the page was left meanwhile
        _forget()
    try:
        _show_new()
        with st.form("token-form", border=False):
            name, create = st.columns([3, 2], vertical_alignment="bottom")
            name.text_input("Name of a new token", key=_NAME, max_chars=NAME_CHARACTERS, placeholder="Phone")
            create.form_submit_button("Create token", on_click=_create, args=(tokens,), width="stretch")
        _show_problem()
        for token in tokens.all():
            _show_token(tokens, token)
    except AppError as error:
        error_box.show(error)


def _show_new() -> None:
    made = st.session_state.get(_NEW)
    if made is None:
        return
    name, text = made
    with st.container(border=True, key="token-shown"):
        st.markdown(f"The token **{literal(name)}**. Copy it now: it is shown this once, and only its hash is kept.")
        st.code(text.reveal(), language=None, wrap_lines=True)
        st.button("I have copied it", key="token-copied", on_click=_forget)


def _show_problem() -> None:
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        error_box.show(problem)


def _show_token(tokens: Tokens, token: Token) -> None:
    row = f"token-{token.digest[:12]}"
    with st.container(key=row, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        used = f"last used {token.last_used}" if token.last_used else "never used"
        signed = f", {count(token.sessions, 'browser')} signed in" if token.sessions else ""
        st.markdown(f"**{literal(token.name)}**  \nmade {token.created}, {used}{signed}")
        with st.popover("Revoke"):
            st.markdown(
                f"Nobody will be let in by **{literal(token.name)}** any more, and its browsers are signed out."
            )
            st.button(
                "Revoke it", key=f"revoke-{token.digest[:12]}", type="primary", on_click=_revoke, args=(tokens, token)
            )


def _create(tokens: Tokens) -> None:
    name = str(st.session_state[_NAME])
    try:
        made: Secret = tokens.create(name)
    except AppError as error:
        st.session_state[_PROBLEM] = error
        return
    st.session_state[_NEW] = (" ".join(name.split()), made)
    st.session_state[_NAME] = ""


def _revoke(tokens: Tokens, token: Token) -> None:
    _forget()
    try:
        tokens.revoke(token.name)
    except AppError as error:
        st.session_state[_PROBLEM] = error


def _forget() -> None:
    st.session_state.pop(_NEW, None)
