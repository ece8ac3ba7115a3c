"""Tokens and sessions: kept as hashes in a private file, revoked at once, compared all alike."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from src.errors import BadInput, LibraryUnusable
from src.services.library import tokens as module
from src.services.library.tokens import MOST_SESSIONS, MOST_TOKENS, SESSION_SECONDS, Tokens

DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(tmp_path: Path, clock: Clock) -> Tokens:
    return Tokens(tmp_path / "data" / "tokens.json", clock)


def test_a_token_has_256_random_bits_and_lets_its_holder_in(tokens: Tokens) -> None:
    texts = [tokens.create(f"program {number}").reveal() for number in range(3)]
    assert all(re.fullmatch("mfe_[A-Za-z0-9_-]{43}", text) for text in texts) and len(set(texts)) == 3
    for number, text in enumerate(texts):
        holder = tokens.holder(text)
        assert holder and holder.name == f"program {number}"


def test_a_wrong_token_lets_nobody_in(tokens: Tokens) -> None:
    text = tokens.create("one").reveal()
    for wrong in ("", "mfe_", text[:-1], text + "x", text.upper(), text[4:], f" {text}", "\udcff", "x" * 70_000, "é"):
        assert tokens.holder(wrong) is None, wrong[:60]


def test_the_file_is_private_and_has_no_token_in_it(tokens: Tokens) -> None:
    text = tokens.create("one").reveal()
    session = tokens.sign_in(text)
    assert session is not None
    kept = tokens.file.read_text()
    assert text not in kept and text[4:] not in kept and session.reveal() not in kept
    assert hashlib.sha256(text.encode()).hexdigest() in kept
    assert os.name != "posix" or stat.S_IMODE(tokens.file.stat().st_mode) == 0o600
    assert text not in repr(tokens.all()) and json.loads(kept)["tokens"][0]["digest"] not in repr(tokens.all())


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\x1bb", "a\u202eb"])
def test_a_name_must_be_one(tokens: Tokens, name: str) -> None:
    with pytest.raises(BadInput, match="needs a name"):
        tokens.create(name)
    assert not tokens.file.exists()


def test_a_name_is_given_once(tokens: Tokens) -> None:
    tokens.create("Phone  of  Ada")
    with pytest.raises(BadInput, match="already"):
        tokens.create("phone of ada")
    assert [token.name for token in tokens.all()] == ["Phone of Ada"]


def test_there_is_a_most(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_TOKENS >= 20
    monkeypatch.setattr(module, "MOST_TOKENS", 2)
    tokens.create("one"), tokens.create("two")
    with pytest.raises(BadInput, match="2 tokens already"):
        tokens.create("three")


def test_revoking_ends_the_token_and_its_sessions_at_once_and_no_others(tokens: Tokens) -> None:
    beside = Tokens(tokens.file)  # the app, while the command line revokes
    first, second = tokens.create("first").reveal(), tokens.create("second").reveal()
    gone, stays = tokens.sign_in(first), tokens.sign_in(second)
    assert gone and stays and beside.signed_in(gone.reveal()) and beside.holder(first)
    tokens.revoke("first")
    assert beside.holder(first) is None and beside.signed_in(gone.reveal()) is None
    assert beside.holder(second) and beside.signed_in(stays.reveal())
    with pytest.raises(BadInput, match="no token named first"):
        tokens.revoke("first")
    assert "first" not in tokens.file.read_text()


def test_a_session_lasts_30_days_through_restarts_or_until_it_is_ended(tokens: Tokens, clock: Clock) -> None:
    text = tokens.create("one").reveal()
    assert tokens.sign_in("mfe_wrong") is None
    lasting, ended = tokens.sign_in(text), tokens.sign_in(text)
    assert lasting and ended and tokens.all()[0].sessions == 2
    tokens.sign_out(ended.reveal())
    tokens.sign_out("no session")
    assert tokens.signed_in(ended.reveal()) is None and tokens.all()[0].sessions == 1
    clock.now += SESSION_SECONDS - 1
    restarted = Tokens(tokens.file, clock)
    assert restarted.signed_in(lasting.reveal()) and restarted.signed_in(text) is None
    clock.now += 1
    assert restarted.signed_in(lasting.reveal()) is None and restarted.all()[0].sessions == 0


def test_the_oldest_sessions_end_where_there_are_too_many(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_SESSIONS >= 100
    monkeypatch.setattr(module, "MOST_SESSIONS", 2)
    text = tokens.create("one").reveal()
    made = [session.reveal() for _ in range(3) if (session := tokens.sign_in(text))]
    assert [tokens.signed_in(each) is not None for each in made] == [False, True, True]


def test_the_day_of_the_last_use_is_kept(tokens: Tokens, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    tokens.create("one")
    tokens.create("two")
    assert [token.last_used for token in tokens.all()] == [None, None]
    token = tokens.all()[1]
    assert tokens.is_used_anew(token)
    tokens.note_use(token)
    used = tokens.all()[1]
    assert (used.last_used, tokens.all()[0].last_used) == (used.created, None) and not tokens.is_used_anew(used)
    assert not tokens.is_used_anew(token), "asked for once a day, also where it could not be written"
    clock.now += DAY
    assert tokens.is_used_anew(used)
    tokens.revoke("two")
    tokens.note_use(used)
    assert [token.name for token in tokens.all()] == ["one"], "a use does not bring a token back"
    tokens.file.write_text("[]")
    clock.now += DAY
    tokens.note_use(used)
    assert "could not be noted" in caplog.text


def test_a_wrong_token_costs_the_work_of_a_right_one(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: as many comparisons of as many characters, whichever token is asked for."""
    texts = [tokens.create(str(number)).reveal() for number in range(5)]
    sessions = [session.reveal() for _ in range(3) if (session := tokens.sign_in(texts[0]))]
    work: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def counted(one: Any, other: Any) -> bool:
        work.append((len(one), len(other)))
        return real(one, other)

    def cost(ask: Any, text: str) -> list[tuple[int, int]]:
        work.clear()
        ask(text)
        return work.copy()

    monkeypatch.setattr(hmac, "compare_digest", counted)
    for text in (*texts, "", "mfe_wrong", texts[0][:-1], "x" * 5_000):
        assert cost(tokens.holder, text) == [(64, 64)] * 5, text[:60]
    for text in (*sessions, "", "wrong"):
        assert cost(tokens.signed_in, text) == [(64, 64)] * 3, text


DIGEST = "0" * 64
BROKEN: list[str] = [
    "",
    "{",
    "[]",
    "{}",
    '{"tokens": 3, "sessions": []}',
    '{"tokens": [3], "sessions": []}',
    '{"tokens": [], "sessions": [{}]}',
    json.dumps({"tokens": [{"name": "a", "created": "", "last_used": None, "digest": "x"}], "sessions": []}),
    json.dumps({"tokens": [{"name": 3, "created": "", "last_used": None, "digest": DIGEST}], "sessions": []}),
    json.dumps({"tokens": [], "sessions": [{"digest": DIGEST, "token": DIGEST, "until": "later"}]}),
    json.dumps({"tokens": [], "sessions": [{"digest": None, "token": DIGEST, "until": 1}]}),
    "[" * 100_000,
    "\0" * (5 << 20),
]


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file_lets_nobody_in_and_is_left_as_it_is(tokens: Tokens, text: str) -> None:
    token = tokens.create("one").reveal()
    tokens.file.write_text(text)
    for ask in (tokens.all, lambda: tokens.holder(token), lambda: tokens.signed_in("x"), lambda: tokens.create("two")):
        with pytest.raises(LibraryUnusable, match=r"tokens, .*can't be read") as told:
            ask()
        assert "move it away" in told.value.hint
    assert tokens.file.read_text() == text
    tokens.file.unlink()
    assert tokens.all() == [] and tokens.holder(token) is None and tokens.create("two")


def test_what_is_no_plain_file_is_never_waited_for(tokens: Tokens) -> None:
    tokens.file.mkdir(parents=True)
    with pytest.raises(LibraryUnusable, match="can't be read"):
        tokens.all()
    tokens.file.rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tokens.file)
        with pytest.raises(LibraryUnusable, match="can't be read"):
            tokens.create("one")
        tokens.file.unlink()
        tokens.file.with_suffix(".lock").unlink()
        os.mkfifo(tokens.file.with_suffix(".lock"))
        with pytest.raises(LibraryUnusable, match="no plain file"):
            tokens.create("one")


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(LibraryUnusable, match="can't be written"):
        Tokens(tmp_path / "data" / "tokens.json").create("one")


def test_many_at_once_lose_none(tokens: Tokens) -> None:
    """Two apps and a command line beside each other are as many objects on one file."""
    made = [
        threading.Thread(target=lambda n=number: Tokens(tokens.file).create(f"program {n}")) for number in range(12)
    ]
    for thread in made:
        thread.start()
    for thread in made:
        thread.join()
    assert {token.name for token in tokens.all()} == {f"program {number}" for number in range(12)}
