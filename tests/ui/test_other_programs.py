"""Tokens on the page Statistics & about: made, shown once, listed, revoked."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from src.runtime import Services
from src.services.library.tokens import Tokens
from tests.ui.conftest import button, goto, texts


@pytest.fixture
def tokens(services: Services) -> Tokens:
    return Tokens(services.settings.tokens_file)


def create(app: AppTest, name: str) -> AppTest:
    app.text_input(key="token-name").set_value(name)
    return button(app, "Create token").click().run()


def shown(app: AppTest) -> list[str]:
    return [element.value for element in app.code if element.value.startswith("mfe_")]


def test_a_token_is_made_shown_once_listed_and_revoked(app: AppTest, tokens: Tokens) -> None:
    create(goto(app.run(), "about"), "My *phone*")
    (text,) = shown(app)
    assert "The token **My *phone***. Copy it now" in texts(app) and not app.exception
    assert app.text_input(key="token-name").value == ""
    holder = tokens.holder(text)
    assert holder and holder.name == "My *phone*" and "never used" in texts(app)
    app.run()
    assert shown(app) == [text], "a run for something else does not take it away"
    button(app, "I have copied it").click().run()
    assert shown(app) == [] and "My *phone*" in texts(app)
    tokens.note_use(holder)
    assert tokens.sign_in(text) and "1 browser signed in" in texts(app.run())
    button(app, "Revoke it").click().run()
    assert tokens.holder(text) is None and "My *phone*" not in texts(app)


def test_a_token_is_gone_from_the_page_once_that_was_left(app: AppTest) -> None:
    create(goto(app.run(), "about"), "Phone")
    assert shown(app)
    goto(app, "upload")
    goto(app, "about")
    assert shown(app) == [] and "Phone" in texts(app)


def test_what_can_not_be_done_is_told(app: AppTest, tokens: Tokens) -> None:
    create(goto(app.run(), "about"), "")
    assert "needs a name" in texts(app) and tokens.all() == []
    create(create(app, "Phone"), "phone")
    assert "There is a token named phone already." in texts(app)
    tokens.file.write_text("{")
    assert "can't be read" in texts(app.run()) and "How it works" in texts(app)


def test_signing_out_is_offered_only_to_who_signed_in(app: AppTest, services: Services) -> None:
    def offers() -> bool:
        return any("sign-out" in element.proto.body for element in app.sidebar.get("html"))

    app.run()
    assert not offers()
    object.__setattr__(services.settings, "hosts", ("nas.local",))
    app.run()
    assert offers()
