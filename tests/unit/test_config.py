"""Settings: read from MFE_* variables, refused with the variable's name where they make no sense."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from src.config import PROJECT_DIR, Settings, for_a_process, vision_keys
from src.errors import BadSetting
from src.secret import Secret


def test_defaults_and_values(tmp_path: Path) -> None:
    assert Settings.from_env({}) == Settings() and Settings().home == PROJECT_DIR
    env = {
        "MFE_HOME": str(tmp_path),
        "MFE_MODEL": "ViT-B/32",
        "MFE_PRECISION": "fp32",
        "MFE_MAX_MEGAPIXELS": "80",
        "MFE_DEVICE": "cpu",
    }
    settings = Settings.from_env(env)
    assert (settings.home, settings.model, settings.precision, settings.max_megapixels) == (
        tmp_path,
        "ViT-B/32",
        "fp32",
        80,
    )
    assert (
        settings.catalog_file == tmp_path / "data" / "catalog.sqlite3" and settings.chroma_dir == tmp_path / "chroma_db"
    )


def test_a_process_in_another_folder_gets_the_same_library_model_and_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_env({"MFE_HOME": "mine", "MFE_MODEL": "builtin", "MFE_WEIGHTS_PATH": "here"})
    environ = for_a_process(settings)
    monkeypatch.chdir("/")
    there = Settings.from_env(environ)
    assert (there.home, there.model, there.weights_path) == (tmp_path / "mine", "builtin", (tmp_path / "here",))
    assert environ["PATH"] and "MFE_MODEL" not in for_a_process(Settings(home=tmp_path))


def test_the_servers_address_has_no_slash_at_its_end() -> None:
    assert (
        Settings.from_env({"MFE_CHROMA_URL": " https://chroma.example:8443/base/ "}).chroma_url
        == "https://chroma.example:8443/base"
    )
    assert Settings.from_env({"MFE_CHROMA_URL": "http://[::1]:8000"}).chroma_url == "http://[::1]:8000"
    assert Settings.from_env({"MFE_CHROMA_URL": ""}).chroma_url is None


def test_where_photos_are_described_and_with_which_key() -> None:
    env = {"MFE_VISION_URL": "http://127.0.0.1:11434/v1/", "MFE_VISION_MODEL": " m ", "GROQ_API_KEY": " gsk-1 "}
    settings = Settings.from_env(env | {"MFE_VISION_API_KEY": " "})
    assert (settings.vision_url, settings.vision_model) == ("http://127.0.0.1:11434/v1", "m")
    assert vision_keys(env) == {"GROQ_API_KEY": Secret("gsk-1")} and "gsk" not in f"{vision_keys(env)}{settings}"
    assert (Settings().vision_url, Settings().vision_model, vision_keys({})) == (None, None, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MFE_PRECISION", "fp8"),
        ("MFE_DEVICE", "tpu"),
        ("MFE_MAX_MEGAPIXELS", "0"),
        ("MFE_MAX_MEGAPIXELS", "many"),
        *(
            (name, value)
            for name in ("MFE_CHROMA_URL", "MFE_VISION_URL")
            for value in (
                "127.0.0.1:8000",
                "localhost",
                "file:///x",
                "http://",
                "http://a:99999",
                "http://a/?b",
                "https://[",
            )
        ),
    ],
)
def test_nonsense_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=re.escape(f"{name} is {value!r}")):
        Settings.from_env({name: value})


def test_a_user_that_there_is_not_stands_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_env({"MFE_HOME": "~nobody-of-that-name/x", "MFE_WEIGHTS_PATH": "~nobody-of-that-name"})
    assert (
        settings.home == tmp_path / "~nobody-of-that-name" / "x" == Settings().at(Path("~nobody-of-that-name/x")).home
    )


def test_websites_that_may_use_the_api_are_origins() -> None:
    said = " https://Photos.Example , http://localhost:3000/, https://x.example:443,,"
    said += "http://[::1]:80, https://y.example:8443"
    assert Settings.from_env({"MFE_ORIGINS": said}).origins == (
        "https://photos.example", "http://localhost:3000", "https://x.example", "http://[::1]", "https://y.example:8443",
    )  # fmt: skip
    assert Settings.from_env({}).origins == Settings.from_env({"MFE_ORIGINS": " , "}).origins == ()


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "photos.example", "https://", "https://*.example", "https://x.example/app", "ftp://x.example",
     "https://x.example?y", "https://user@x.example", "https://x.example:0", "https://x.example:70000",
     "https://x.example:٣", "https://bücher.example", "https://x.example//", "https://x example", "file://"],
)  # fmt: skip
def test_what_is_no_origin_is_refused_in_one_sentence(origin: str) -> None:
    with pytest.raises(BadSetting, match=r"^MFE_ORIGINS has .*; each must be an origin, such as ") as told:
        Settings.from_env({"MFE_ORIGINS": f"https://photos.example,{origin}"})
    assert repr(origin) in str(told.value)
    assert Settings.who_may({"MFE_ORIGINS": origin, "MFE_HOSTS": "x"}).hosts == ("x",)
