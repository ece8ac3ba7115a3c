"""The command ``tokens``: makes, lists and revokes, beside whoever has the library open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from src.cli.arguments import main
from src.config import Settings
from src.services.library.tokens import Tokens


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tokens:
    monkeypatch.setenv("MFE_HOME", str(tmp_path))
    return Tokens(Settings(home=tmp_path).tokens_file)


def test_the_text_alone_is_standard_output(tokens: Tokens, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens"]) == 0 and "no tokens yet" in capsys.readouterr().out
    assert main(["tokens", "--create", "Phone"]) == 0
    out, err = capsys.readouterr()
    assert tokens.holder(out.rstrip("\n")) and "shown this once" in err
    assert main(["tokens"]) == 0
    listed = capsys.readouterr().out
    assert "Phone" in listed and "never" in listed and out.strip() not in listed
    assert main(["tokens", "--revoke", "Phone"]) == 0
    assert "Phone" in capsys.readouterr().out and tokens.all() == []


def test_as_json(tokens: Tokens, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens", "--create", "Phone", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    holder = tokens.holder(made.pop("token"))
    assert holder and made == {"name": "Phone", "created": holder.created, "last_used": None, "sessions": 0}
    assert main(["--json", "tokens"]) == 0 and json.loads(capsys.readouterr().out) == [made]
    assert main(["--json", "tokens", "--revoke", "Phone"]) == 0
    assert json.loads(capsys.readouterr().out) == {"revoked": "Phone"}
    assert main(["--json", "tokens"]) == 0 and json.loads(capsys.readouterr().out) == []


def test_what_can_not_be_done_is_one_sentence(tokens: Tokens, capsys: pytest.CaptureFixture[str]) -> None:
    tokens.create("Phone")
    for said in (["--create", "phone"], ["--create", ""], ["--revoke", "Laptop"]):
        assert main(["tokens", *said]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1, said
    tokens.file.write_text("{")
    for said in ([], ["--create", "x"], ["--revoke", "Phone"]):
        assert main(["tokens", *said]) == 1
        assert "can't be read" in capsys.readouterr().err and tokens.file.read_text() == "{"
    with pytest.raises(SystemExit):
        main(["tokens", "--create", "x", "--revoke", "y"])


def test_a_folder_with_no_library_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--library", str(tmp_path / "none"), "tokens", "--create", "x"]) == 1
    assert "no library" in capsys.readouterr().err and not (tmp_path / "none").exists()
