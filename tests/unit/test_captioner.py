"""Pictures described by servers of every kind: well-behaved, busy, broken, and with bad intentions."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from src.errors import BadInput, EndpointRefused, NotDescribed
from src.models.captioners.endpoint import PRESETS, Endpoint, is_local, tidy_address, where_pictures_go
from src.models.captioners.http_captioner import FAILURES, HttpCaptioner
from src.models.captioners.offered import models_of
from src.models.captioners.question import MORE_TOKENS, SIDE, TOKENS
from src.models.captioners.reading import LABEL, OBJECTS, SUMMARY, cleaned, description_in, said
from src.models.captioners.servers import Servers, key_for
from src.models.captioners.waiting import Clock, Patience, asked_to_wait, duration, never
from src.schema.descriptions import Answer, DescribedObject, Description
from src.secret import Secret
from tests.vision_server import (
    RETIRED,
    Asked,
    Reply,
    Step,
    VisionServer,
    busy,
    cut_off,
    deep,
    described,
    error,
    hangs,
    huge,
    normal,
    only_thinks,
    redirect,
    says,
    thinks,
)

RED = Image.new("RGB", (64, 48), (200, 20, 20))
BLUE = Image.new("RGB", (48, 64), (20, 20, 200))
KEY = "sk-0123456789abcdef"
NOW = 1_800_000_000.0
GOOD = json.dumps(described(RED))


class Waited(list[float]):
    """The pauses that were made, in seconds: nobody really waits here."""

    def clock(self) -> Clock:
        return Clock(now=lambda: NOW, sleep=self.append, jitter=lambda: 1.0)


@pytest.fixture
def waited() -> Waited:
    return Waited()


def captioner(server: VisionServer, waited: Waited, answer_s: float = 20.0, key: str = "") -> HttpCaptioner:
    endpoint = Endpoint(server.base_url, server.models[0], Secret(key))
    return HttpCaptioner(endpoint, Patience(answer_s=answer_s), waited.clock())


def ask(waited: Waited, *script: Step, **options: Any) -> tuple[Answer, VisionServer]:
    """One picture's description by a server with such a script."""
    with VisionServer(script, **options) as server:
        return captioner(server, waited, key=options.get("key", "")).describe(RED, never), server


# ---------------------------------------------------------------- what is asked, and what is made of it


def test_a_picture_is_described(waited: Waited) -> None:
    with VisionServer() as server:
        by = captioner(server, waited)
        red, blue = by.describe(RED, never), by.describe(BLUE, never)
    thing = DescribedObject("surface", "red", "centre")
    assert red == Answer(Description("A wide picture that is red on the whole.", (thing,)), 300, 40)
    assert blue.description.scene_summary == "A tall picture that is blue on the whole." and waited == []
    assert (by.model, server.models[0] in by.recipe) == (server.models[0], True)


def test_the_picture_is_sent_small_and_carries_nothing_else_than_its_pixels(waited: Waited) -> None:
    image = Image.effect_noise((1600, 800), 60).convert("RGB")
    image.getexif()[0x010E] = "my street"
    image.info |= {
        "comment": b"my street",
        "icc_profile": b"not one",
        "dpi": (72, 72),
        "exif": image.getexif().tobytes(),
    }
    with VisionServer() as server:
        captioner(server, waited).describe(image, never)
    body = server.chats[0].body
    sent = server.chats[0].picture
    assert sent is not None and sent.size == (SIDE, SIDE // 2) and sent.format == "JPEG"
    assert not ({"comment", "icc_profile", "exif"} & sent.info.keys()) and not sent.getexif()
    assert image.size == (1600, 800)
    assert (body["temperature"], body["stream"], body["max_tokens"]) == (0, False, TOKENS)
    form = body["response_format"]
    assert form["type"] == "json_schema" and form["json_schema"]["schema"]["required"] == ["scene_summary", "objects"]
    assert all(name in body["messages"][0]["content"][0]["text"] for name in ("scene_summary", "objects", "position"))


@pytest.mark.parametrize("picture", [Image.new("RGB", (1, 1)), Image.new("RGB", (1, 5000)), Image.new("L", (90, 90))])
def test_pictures_of_any_shape_are_sent(picture: Image.Image, waited: Waited) -> None:
    with VisionServer() as server:
        captioner(server, waited).describe(picture, never)
    sent = server.chats[0].picture
    assert sent is not None and max(sent.size) <= SIDE and min(sent.size) >= 1


@pytest.mark.parametrize(("forms", "requests"), [(("json_object", ""), 2), (("",), 3)])
def test_the_strictest_form_that_a_server_has_is_found_once(
    forms: tuple[str, ...], requests: int, waited: Waited
) -> None:
    with VisionServer(forms=forms) as server:
        by = captioner(server, waited)
        assert by.describe(RED, never).description.scene_summary
        assert len(server.chats) == requests
        by.describe(BLUE, never)
    assert len(server.chats) == requests + 1 and server.chats[-1].form == forms[0]


def test_one_answer_that_breaks_the_form_does_not_loosen_it_for_later_ones(waited: Waited) -> None:
    with VisionServer([normal, says("what?"), error(400, "json_validate_failed")]) as server:
        by = captioner(server, waited)
        for _ in range(3):
            by.describe(RED, never)
    assert [asked.form for asked in server.chats] == ["json_schema", "json_schema", "json_object", "", "json_schema"]


@pytest.mark.parametrize(
    "text",
    [
        f"Here {{it}} is:\n```json\n{GOOD}\n```\nI hope {{this}} helps.",
        f"[{GOOD}]",
        f'{{"description": {GOOD}}}',
        f"<think>no end {{</think>{GOOD}",
        [{"type": "text", "text": GOOD}],
    ],
)
def test_a_description_is_found_wherever_it_stands(text: Any, waited: Waited) -> None:
    answer, server = ask(waited, says(text))
    assert answer.description.scene_summary.startswith("A wide picture") and len(server.chats) == 1


def test_thoughts_are_cut_off(waited: Waited) -> None:
    answer, _ = ask(waited, thinks)
    assert answer.description.scene_summary == "A wide picture that is red on the whole."


def test_nothing_but_thoughts_is_told_so(waited: Waited) -> None:
    for reply in (
        only_thinks(),
        says("<think>so many"),
        says(None, reasoning_content="hm"),
        says("<think>a</think>  "),
    ):
        with pytest.raises(NotDescribed, match="Turn its thinking off") as caught:
            ask(waited, reply)
        assert (caught.value.sent, caught.value.received) == (300, 40)


def test_an_answer_that_was_cut_short_is_asked_for_once_with_more_tokens(waited: Waited) -> None:
    with VisionServer([says('{"scene_summary": "A', finish="length")]) as server:
        by = captioner(server, waited)
        answer = by.describe(RED, never)
        by.describe(RED, never)
    assert [asked.body["max_tokens"] for asked in server.chats] == [TOKENS, MORE_TOKENS, MORE_TOKENS]
    assert answer.sent == 600
    with pytest.raises(NotDescribed), VisionServer(every=says("{", finish="length")) as server:
        captioner(server, waited).describe(RED, never)
    assert len(server.chats) == 4


def test_fields_that_a_server_refuses_are_left_out_from_then_on(waited: Waited) -> None:
    script = [
        error(400, "unsupported_parameter", param="max_tokens"),
        error(400, "unsupported_value", param="temperature"),
    ]
    with VisionServer(script) as server:
        by = captioner(server, waited)
        by.describe(RED, never)
        by.describe(RED, never)
    last = server.chats[-1].body
    assert len(server.chats) == 4 and last["max_completion_tokens"] == TOKENS and last["response_format"]
    assert "max_tokens" not in last and "temperature" not in last


def test_groq_is_asked_to_keep_thoughts_to_itself_until_it_refuses(
    waited: Waited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Endpoint, "is_groq", True)
    with VisionServer([error(400, "invalid_request_error", "not supported with this model")]) as server:
        by = captioner(server, waited)
        by.describe(RED, never)
        by.describe(RED, never)
    assert [asked.body.get("reasoning_format") for asked in server.chats] == ["hidden", None, None]
    assert {asked.form for asked in server.chats} == {"json_schema"}


def test_only_groq_is_asked_so() -> None:
    assert [preset.name for preset in PRESETS if Endpoint(preset.base_url).is_groq] == ["Groq"]


# ---------------------------------------------------------------- waiting


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (busy("7"), 7),
        (busy("0.5"), 0.5),
        (busy("Fri, 15 Jan 2027 08:00:09 GMT"), 9),
        (busy("", x_ratelimit_reset_tokens="5.289s", x_ratelimit_reset_requests="1m2.5s"), 62.5),
        (
            busy(
                "", x_ratelimit_reset_tokens="5.289s", x_ratelimit_reset_requests="1h", x_ratelimit_remaining_tokens="0"
            ),
            5.289,
        ),
        (busy("", "Limit reached. Please try again in 5.289s. Visit https://x"), 5.289),
        (busy(""), 1),
        (busy("soon"), 1),
        (busy("-5"), 1),
        (busy("0"), 1),
        (busy("Fri, 15 Jan 1999 08:00:09 GMT"), 1),
        (error(503, "unavailable", "Loading model"), 1),
        (error(500), 1),
        (error(502), 1),
        (error(504), 1),
        (error(408), 1),
        (cut_off(), 1),
        (cut_off(0), 1),
        (Reply(body=b"<html>login"), 1),
        (Reply(body=b""), 1),
        (Reply(body=[]), 1),
        (Reply(body={"choices": []}), 1),
        (Reply(body={"choices": [{"message": "x"}]}), 1),
        (deep(), 1),
        (huge(), 1),
    ],
    ids=repr,
)
def test_a_server_that_can_not_now_is_asked_again(reply: Reply, seconds: float, waited: Waited) -> None:
    answer, server = ask(waited, reply)
    assert answer.description.objects and len(server.chats) == 2
    assert sum(waited) == pytest.approx(seconds, abs=0.01) and max(waited) <= 0.25


def test_pauses_double_and_end(waited: Waited) -> None:
    with VisionServer(every=busy()) as server, pytest.raises(EndpointRefused, match="Start again later"):
        captioner(server, waited).describe(RED, never)
    assert len(server.chats) == 7 and sum(waited) == 1 + 2 + 4 + 8 + 16 + 32
    server_errors = VisionServer(every=error(500))
    with server_errors as server, pytest.raises(NotDescribed, match="answers 500"):
        captioner(server, waited).describe(RED, never)
    assert len(server.chats) == 7


def test_no_longer_pause_is_made_than_makes_sense(waited: Waited) -> None:
    with pytest.raises(EndpointRefused, match="takes no more pictures for 3 hours"):
        ask(waited, busy("10800"))
    assert waited == []


def test_an_answer_that_does_not_come_is_given_up_after_three_times(waited: Waited) -> None:
    with VisionServer(every=hangs(30)) as server:
        with pytest.raises(NotDescribed, match="does not answer in time"):
            captioner(server, waited, answer_s=0.3).describe(RED, never)
        assert len(server.chats) == 3
    trickling = Reply(body=says(GOOD).body, trickle_s=0.02)
    with VisionServer([trickling]) as server:
        assert captioner(server, waited, answer_s=0.5).describe(RED, never).description.objects
        assert len(server.chats) == 2


def test_no_server_at_all_is_told_so(waited: Waited) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        endpoint = Endpoint(f"http://127.0.0.1:{taken.getsockname()[1]}", "m")
        with pytest.raises(EndpointRefused, match=r"can't be reached\. Is the server running"):
            HttpCaptioner(endpoint, clock=waited.clock()).describe(RED, never)
        with pytest.raises(EndpointRefused, match=r"can't be reached\. Is the server running"):
            models_of(endpoint)
    assert sum(waited) == 63


def test_waiting_ends_with_the_work(waited: Waited) -> None:
    with VisionServer(every=busy("200")) as server, pytest.raises(NotDescribed, match="was ended"):
        captioner(server, waited).describe(RED, lambda: len(waited) >= 3)
    assert len(server.chats) == 1 and len(waited) == 3


def test_a_request_is_given_up_as_soon_as_the_work_ends(waited: Waited) -> None:
    halted = threading.Event()
    with VisionServer(every=hangs(30)) as server:
        by = captioner(server, waited)
        threading.Timer(0.2, halted.set).start()
        began = time.monotonic()
        with pytest.raises(NotDescribed, match="was ended"):
            by.describe(RED, halted.is_set)
        assert time.monotonic() - began < 2
        ends = time.monotonic() + 5
        while any(thread.name.startswith("describing") for thread in threading.enumerate()):
            assert time.monotonic() < ends, "a request goes on after it was given up"
            time.sleep(0.02)
        with pytest.raises(NotDescribed, match="was ended"):
            by.describe(RED, lambda: True)
        assert len(server.chats) == 1


def test_durations_as_servers_write_them() -> None:
    said = {"1m2.5s": 62.5, "5.289s": 5.289, "120ms": 0.12, "2h3m": 7380, "7": 7, " 6M0S ": 360, "1d": 86_400}
    assert {text: duration(text) for text in said} == pytest.approx(said)
    assert {duration(text) for text in ("", "soon", "-3", "1e9", "nan", "inf", "٣s", "9" * 50, "3s later")} == {0.0}
    assert asked_to_wait({}, "", NOW) == 0


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (error(401, message=f"Incorrect API key {KEY}"), "does not accept the key"),
        (error(403, message=f"No {KEY[4:14]}"), "does not allow the use of colours-vl:2b"),
        (error(402), "wants to be paid"),
        (error(405), "answered 405: error 405"),
        (error(405, message=f"not for {KEY[:8]}"), "answered 405[.]"),
        (error(429, "insufficient_quota"), "no money left"),
        (error(404), "answered 404"),
        (redirect("https://elsewhere.example/v1"), "sends on to another address"),
        (redirect("/v1/chat/completions", 302), "sends on to another address"),
        (error(400, "model_decommissioned"), "has no model 'colours-vl:2b'"),
    ],
    ids=repr,
)
def test_refusals_end_it_at_once_and_never_tell_the_key(
    reply: Reply, sentence: str, waited: Waited, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with VisionServer([reply], key=KEY) as server, pytest.raises(EndpointRefused, match=sentence) as caught:
        captioner(server, waited, key=KEY).describe(RED, never)
    assert len(server.chats) == 1 and waited == []
    assert KEY[:6] not in str(caught.value) and KEY not in caplog.text


def test_a_model_that_a_server_has_no_more_is_told_with_those_it_has(waited: Waited) -> None:
    with VisionServer() as server:
        by = HttpCaptioner(Endpoint(server.base_url, RETIRED), clock=waited.clock())
        with pytest.raises(EndpointRefused) as caught:
            by.describe(RED, never)
    assert RETIRED in caught.value.user_message
    assert caught.value.hint == "It has: colours-vl:2b, words:1b." and len(server.chats) == 1


def test_a_wrong_address_is_not_taken_for_a_missing_model(waited: Waited) -> None:
    with VisionServer() as server:
        wrong = Endpoint(server.base_url.replace("/v1", "/v7"), server.models[0])
        with pytest.raises(EndpointRefused, match=r"describes no pictures at this address.*/v1"):
            HttpCaptioner(wrong, clock=waited.clock()).describe(RED, never)
        with pytest.raises(EndpointRefused, match="no list of models"):
            models_of(wrong)


def test_a_picture_that_is_too_large_is_halved_once(waited: Waited) -> None:
    large = Image.new("RGB", (2000, 1000))
    with VisionServer([error(413)]) as server:
        captioner(server, waited).describe(large, never)
    assert [asked.picture.size for asked in server.chats if asked.picture] == [(768, 384), (384, 192)]
    with VisionServer(every=error(413)) as server, pytest.raises(NotDescribed, match="413"):
        captioner(server, waited).describe(large, never)
    assert len(server.chats) == 2


def test_a_picture_that_is_refused_in_every_form_is_left_out(waited: Waited) -> None:
    refusal = error(400, "bad", f"no pictures \x1b[31m{'x' * 500}")
    with VisionServer(every=refusal) as server, pytest.raises(NotDescribed, match="did not take the picture") as caught:
        captioner(server, waited).describe(RED, never)
    assert len(server.chats) == 3 and "\x1b" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_model_that_declines_is_not_asked_again(waited: Waited) -> None:
    for reply in (says(None, refusal="I won't."), says("", finish="content_filter")):
        with pytest.raises(NotDescribed, match="declines"):
            ask(waited, reply)


def test_nothing_but_failures_end_the_work(waited: Waited) -> None:
    with VisionServer(every=says("no")) as server:
        by = captioner(server, waited)
        for _ in range(FAILURES - 1):
            with pytest.raises(NotDescribed):
                by.describe(RED, never)
        server.script = [normal]
        by.describe(RED, never)
        for _ in range(FAILURES - 1):
            with pytest.raises(NotDescribed):
                by.describe(RED, never)
        with pytest.raises(EndpointRefused, match="in a row were not described: colours-vl:2b gave no description"):
            by.describe(RED, never)
    with VisionServer(every=says(None, refusal="I won't.")) as server:
        by = captioner(server, waited)
        for _ in range(2 * FAILURES):
            with pytest.raises(NotDescribed):
                by.describe(RED, never)


def test_several_threads_describe_at_once(waited: Waited) -> None:
    found: dict[int, str] = {}
    with VisionServer() as server:
        by = captioner(server, waited)

        def describe(number: int) -> None:
            found[number] = by.describe((RED, BLUE)[number % 2], never).description.scene_summary

        threads = [threading.Thread(target=describe, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {text.split()[5] for number, text in found.items() if number % 2} == {"blue"} and len(found) == 8


# ---------------------------------------------------------------- descriptions of bad intentions


@pytest.mark.parametrize(
    "value",
    [None, 7, "x", [], {}, {"choices": {}}, {"choices": [None]}, {"choices": [{"message": None}]}, {"choices": [{}]}],
)
def test_what_is_no_answer_is_none(value: Any) -> None:
    assert said(value) is None


@pytest.mark.parametrize(
    "usage",
    [None, [], "many", {"prompt_tokens": "9"}, {"prompt_tokens": True}, {"prompt_tokens": -4}, {"prompt_tokens": 1e99}],
)
def test_odd_numbers_of_tokens_are_none(usage: Any) -> None:
    answer = said({"choices": [{"message": {"content": {"a": 1}, "reasoning": 4}}], "usage": usage})
    assert answer is not None and (answer.sent, answer.received, answer.content, answer.thought) == (0, 0, "", False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{" * 100_000,
        '{"a":' * 100_000,
        "[" * 100_000,
        '{"objects": []}',
        '{"scene_summary": ""}',
        '{"scene_summary": " \\u0007 "}',
        '{"scene_summary": {"type": "string"}, "objects": []}',
        '{"scene_summary": ["a"]}',
        f'{{"scene_summary": {"9" * 60_000}}}',
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_description_is_none(text: str) -> None:
    began = time.monotonic()
    assert description_in(text) is None and time.monotonic() - began < 2


def test_what_is_odd_in_a_description_is_left_out() -> None:
    things = [
        {"label": "dog", "color": None, "position": 4},
        {"label": " a\n b\t", "colour": "red\x1b[0m", "position": "left\u202e"},
        "cat",
        {"label": ""},
        {"color": "red"},
        None,
        7,
        ["x"],
        {"label": {"x": 1}},
        {"label": "dog", "color": "", "position": ""},
        {"label": "y" * 5_000, "color": "z" * 5_000, "position": "\ud800" * 10},
    ]
    found = description_in(json.dumps({"scene_summary": "A\r\n  sum\0mary \ud800.", "objects": things, "more": {}}))
    assert found is not None and found.scene_summary == "A sum mary ."
    assert found.objects[:3] == (
        DescribedObject("dog"),
        DescribedObject("a b", "red [0m", "left"),
        DescribedObject("cat"),
    )
    assert [len(thing.label) for thing in found.objects[3:]] == [LABEL] and len(found.objects[3].color) == 30
    found.text.encode()
    many = description_in(json.dumps({"scene_summary": "s" * 9_000, "objects": [f"thing {n}" for n in range(3_000)]}))
    assert many is not None and (len(many.scene_summary), len(many.objects)) == (SUMMARY, OBJECTS)
    for odd in (None, 5, "dog", {"label": "dog"}):
        assert description_in(json.dumps({"scene_summary": "s", "objects": odd})) == Description("s")
    assert cleaned(b"x", 5) == ""


# ---------------------------------------------------------------- which models there are


def test_models_that_take_pictures_come_first() -> None:
    with VisionServer() as server:
        server.listed = {
            "data": [
                {"id": "gemma3-words", "input_modalities": ["text"]},
                {"id": "plain"},
                {"id": "qwen3-vl:2b"},
                {"id": "sees", "input_modalities": ["text", "image"]},
                {"id": "router", "architecture": {"input_modalities": ["image"]}},
                {"id": "nested", "modalities": {"input": ["text", "image"]}},
                {"id": "sees", "modalities": ["image"]},
                *({"id": odd} for odd in (None, 5, "", "a\x1bb", "x" * 5_000)),
                "text",
                {"id": "odd", "input_modalities": [[], 4], "architecture": 7},
            ]
        }
        models = models_of(Endpoint(server.base_url))
    assert [(model.id, model.takes_pictures) for model in models] == [
        ("sees", True),
        ("router", True),
        ("nested", True),
        ("qwen3-vl:2b", None),
        ("plain", None),
        ("gemma3-words", False),
        ("odd", False),
    ]


@pytest.mark.parametrize(
    ("props", "sees"),
    [({"modalities": {"vision": True}}, True), ({"modalities": {"vision": "yes"}}, None), (None, None)],
)
def test_llama_cpp_tells_elsewhere_whether_its_model_sees(props: Any, sees: bool | None) -> None:
    with VisionServer() as server:
        server.listed = {"data": [{"id": "a.gguf", "owned_by": "llamacpp"}]}
        server.props = props
        assert [model.takes_pictures for model in models_of(Endpoint(server.base_url))] == [sees]


@pytest.mark.parametrize(
    "listed",
    [
        [],
        {"data": {}},
        "x",
        {},
        deep(),
        huge(),
        Reply(500),
        redirect("https://elsewhere.example/"),
        cut_off(),
        Reply(body=b""),
    ],
    ids=lambda listed: repr(listed)[:30],
)
def test_what_is_no_list_of_models_is_told_so(listed: Any) -> None:
    with VisionServer() as server, pytest.raises(EndpointRefused):
        server.listed = listed
        models_of(Endpoint(server.base_url))


def test_a_server_that_wants_a_key_is_told_so() -> None:
    with VisionServer(key=KEY) as server:
        with pytest.raises(EndpointRefused, match="wants a key"):
            models_of(Endpoint(server.base_url))
        with pytest.raises(EndpointRefused, match="does not accept the key"):
            models_of(Endpoint(server.base_url, key=Secret("wrong")))
        assert models_of(Endpoint(server.base_url, key=Secret(KEY)))


# ---------------------------------------------------------------- addresses and keys


def test_addresses_are_brought_to_one_form() -> None:
    assert tidy_address(" http://127.0.0.1:11434/ ") == "http://127.0.0.1:11434/v1"
    assert tidy_address("https://api.openai.com/v1/chat/completions/") == "https://api.openai.com/v1"
    assert [tidy_address(preset.base_url) for preset in PRESETS] == [preset.base_url for preset in PRESETS]


@pytest.mark.parametrize(
    "address",
    ["", "localhost:11434", "ftp://x/v1", "http://", "http://a:0/v1", "http://a:99999", "http://[", "http://a b/v1",
     "http://a/\nv1", "http://me:word@host/v1", "https://host/v1?key=5", "https://host/v1#x", "http://@host/v1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BadInput):
        Endpoint(address)


LOCAL = ("http://127.0.0.1:1/v1", "http://localhost:8080/v1", "https://[::1]/v1", "http://127.9.9.9/v1")
ELSEWHERE = (
    *("https://api.openai.com/v1", "http://192.168.1.5/v1", "http://localhost.example/v1", "http://0.0.0.0/v1"),
    *("http://127.0.0.1.example/v1", "http://2130706433/v1", "http://[::2]/v1", "http://localhost./v1"),
)


def test_only_loopback_is_this_machine() -> None:
    assert all(map(is_local, LOCAL)) and not any(map(is_local, ELSEWHERE)) and not is_local("http://[")
    assert where_pictures_go(ELSEWHERE[0]) == "The pictures leave this machine, to api.openai.com."
    assert where_pictures_go(LOCAL[1]) == "The pictures stay on this machine, with the program at localhost:8080."


@pytest.mark.parametrize("model", ["gpt-oss:120b-cloud", " qwen3-vl:cloud "])
def test_a_program_on_this_machine_that_passes_pictures_on_is_told_of(model: str) -> None:
    assert where_pictures_go("http://127.0.0.1:11434", model).startswith("The pictures leave this machine")


def test_a_key_does_not_go_unencrypted_to_another_machine() -> None:
    with pytest.raises(EndpointRefused, match=r"not sent to 192\.168\.1\.5 over an unencrypted"):
        Endpoint("http://192.168.1.5/v1", "m", Secret(KEY))
    assert Endpoint("http://192.168.1.5/v1", "m", Secret(" ")) and Endpoint("https://h/v1", "m", Secret(KEY))
    assert Endpoint("http://127.0.0.1/v1", "m", Secret(KEY))
    for odd in ("a\nb", "a b", "schlüssel"):
        with pytest.raises(EndpointRefused, match="characters that no key has") as caught:
            Endpoint("https://h/v1", "m", Secret(odd))
        assert odd not in str(caught.value)


def test_a_key_goes_to_its_own_host_alone() -> None:
    offered = {"MFE_VISION_API_KEY": "mine", "GROQ_API_KEY": Secret("groq"), "OPENAI_API_KEY": "openai", "other": 4}

    def key(address: str, configured: str | None = None, **more: object) -> str:
        found = key_for(address, offered | more, configured)
        return found.reveal() if found else ""

    assert key("https://api.groq.com/openai/v1") == "groq" and key("https://api.openai.com/v1") == "openai"
    assert key("https://elsewhere.example/v1") == "mine" and key("http://127.0.0.1:8000") == "mine"
    for odd in ("https://api.groq.com.example/v1", "https://xapi.groq.com/v1", "https://example/api.groq.com"):
        assert key(odd, MFE_VISION_API_KEY="") == ""
    own = "https://mine.example/v1"
    assert key(own, own) == key("https://MINE.example/v2", own) == "mine"
    assert key("https://elsewhere.example/v1", own) == key("https://mine.example:444/v1", own) == ""
    assert key("https://api.openai.com/v1", own) == "openai"
    assert key("https://api.openai.com/v1", "https://api.openai.com/v1") == "mine"
    assert key(own, GROQ_API_KEY=None, MFE_VISION_API_KEY={"a": 1}) == ""


def test_servers_are_asked_with_the_key_that_is_known_of_them(waited: Waited) -> None:
    with VisionServer(key=KEY) as server:
        servers = Servers({}, server.base_url)
        with pytest.raises(EndpointRefused, match="wants a key"):
            servers.models(server.base_url)
        servers.offer({"MFE_VISION_API_KEY": KEY})
        servers.offer({"MFE_VISION_API_KEY": "another"})
        assert [model.id for model in servers.models(server.base_url)] == list(server.models)
        assert servers.captioner(server.base_url, server.models[0]).describe(RED, never).description.objects
        assert KEY[:6] not in f"{servers.endpoint(server.base_url)}{vars(servers)}"


def test_a_secret_is_not_shown() -> None:
    endpoint = Endpoint("https://h/v1", "m", Secret(f" {KEY}\n"))
    holder: Callable[[object], str]
    for holder in (
        repr,
        str,
        "{}".format,
        lambda value: f"{value!r:>20}",
        lambda value: json.dumps(value, default=str),
    ):
        assert KEY[:6] not in holder(endpoint) and KEY[:6] not in holder(endpoint.key)
    assert not Secret("") and Secret("a") == Secret(" a") != Secret("b") and len({Secret("a"), Secret("a")}) == 1
    assert (
        Secret(KEY).is_told_by(f"...{KEY[5:11]}...")
        and not Secret(KEY).is_told_by("sk-01")
        and not Secret("").is_told_by("x")
    )


def test_a_proxy_of_this_system_is_not_asked_for_this_machine(waited: Waited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    answer, _ = ask(waited)
    assert answer.description
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://x")
    with pytest.raises(EndpointRefused, match="HTTPS_PROXY"):
        HttpCaptioner(Endpoint("https://127.0.0.1.example/v1", "m"), clock=waited.clock()).describe(RED, never)


def test_the_stand_in_describes_pictures_by_their_colour() -> None:
    written = io.BytesIO()
    BLUE.save(written, "PNG")
    assert described(Image.open(written)) == described(BLUE) != described(RED)
    assert Asked("GET", "/v1/models", {}).picture is None
