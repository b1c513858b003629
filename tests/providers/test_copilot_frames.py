# Copilot's messages, without a socket: what each becomes, whole and streamed, and the one text a chat becomes.
from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from g4f_proto import ApiError, Message, Reasoning
from providers.copilot.frames import PONG, Answer, opening
from providers.copilot.prompt import flatten


def said(*messages: dict[str, Any], whole: bool = False) -> list[Any]:
    answer = Answer(whole=whole)
    events = [event for message in messages for event in answer.receive(json.dumps(message))]
    assert answer.done is (messages[-1]["event"] == "done")
    return events


def append(text: str, part: str = "p1") -> dict[str, Any]:
    return {"event": "appendText", "messageId": "m", "partId": part, "text": text}


DONE = {"event": "done", "messageId": "m"}
PROGRESS: list[dict[str, Any]] = [
    {"event": "connected"},
    {"event": "received", "conversationId": "c"},
    {"event": "startMessage", "conversationId": "c", "messageId": "m"},
    {"event": "generatingImage", "prompt": "a cat"},
    {"event": "partialImageGenerated", "content": "AAAA"},
    {"event": "partCompleted", "partId": "p1"},
    {"event": "titleUpdate", "title": "Cats"},
    {"event": "suggestedFollowups", "suggestions": ["More?"]},
    {"event": "pong"},
    {"event": "somethingNew", "of": ["next", "month"]},
]


def test_the_opening_says_what_the_service_wants_in_its_order() -> None:
    options, consents, send = map(json.loads, opening("c1", "hello", mode="smart", images=["https://x/1"]))
    assert options == {
        "event": "setOptions",
        "supportedFeatures": [],
        "supportedCards": [],
        "supportedUIComponents": {},
        "ads": {"supportedTypes": []},
        "supportedActions": [],
    }
    assert consents == {"event": "reportLocalConsents", "grantedConsents": []}
    assert send == {
        "event": "send",
        "conversationId": "c1",
        "content": [{"type": "image", "url": "https://x/1"}, {"type": "text", "text": "hello"}],
        "mode": "smart",
        "context": {},
    }


def test_text_is_streamed_as_it_comes_and_whole_at_the_end() -> None:
    messages = [append("Hel"), append("lo"), append(""), append(" you", "p2"), DONE]
    assert said(*messages) == ["Hel", "lo", " you"]
    assert said(*messages, whole=True) == ["Hello you"]


@pytest.mark.parametrize("message", PROGRESS)
def test_progress_is_nobodys_business(message: dict[str, Any]) -> None:
    assert said(message) == []


def test_a_ping_is_answered_and_thoughts_are_reasoning() -> None:
    assert said({"event": "ping"}) == [PONG]
    assert json.loads(PONG.text) == {"event": "pong"}
    assert said({"event": "chainOfThought", "text": "hmm"}) == [Reasoning(text="hmm")]


def replace(text: str, part: str | None = "p1") -> dict[str, Any]:
    return {"event": "replaceText", "text": text} | ({"partId": part} if part else {})


def test_a_replaced_text_is_the_last_version_in_an_answer_in_one_piece() -> None:
    assert said(append("one"), append("two", "p2"), replace("ONE"), replace("TWO", None), DONE, whole=True) == [
        "ONETWO"
    ]


def test_a_stream_goes_on_from_what_it_said() -> None:
    assert said(append("one"), replace("one and two"), append("!"), DONE) == ["one", " and two", "!"]
    assert said(replace("first word"), DONE) == ["first word"]


@pytest.mark.parametrize(
    "messages", [[append("one"), replace("other")], [append("a"), append("b", "p2"), replace("ab")]]
)
def test_a_stream_that_was_taken_back_is_an_error(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(ApiError) as caught:
        said(*messages)
    assert (caught.value.status, caught.value.code) == (502, "answer_replaced")


IMAGE = {"event": "imageGenerated", "url": "https://img.test/1?a=b&c", "thumbnailUrl": "https://img.test/t"}


def test_images_and_sources_are_links_in_the_text() -> None:
    sources = [
        {"event": "citation", "url": "https://a.test/", "title": "A [new]\n title"},
        {"event": "citation", "url": "https://b.test/"},
        {"event": "citation", "url": "https://a.test/", "title": "again"},
    ]
    image = "\n\n![](https://img.test/1?a=b&c)\n\n"
    end = "\n\n1. [A new title](https://a.test/)\n2. [https://b.test/](https://b.test/)"
    assert said(append("Look:"), IMAGE, *sources, append("."), DONE) == ["Look:", image, ".", end]
    assert said(append("Look:"), IMAGE, IMAGE, *sources, DONE, whole=True) == [f"Look:{image}{image}{end}"]


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        ({"event": "challenge", "method": None, "id": "x"}, 502, "provider_challenge"),
        ({"event": "challenge", "method": "hashcash", "parameter": "1:2", "id": "x"}, 502, "provider_challenge"),
        ({"event": "error", "errorCode": "text-too-long"}, 400, "context_length_exceeded"),
        ({"event": "error", "errorCode": "chat-service-unavailable"}, 502, "provider_not_working"),
        ({"event": "error", "errorCode": "invalid-event"}, 502, "provider_not_working"),
        ({"event": "error"}, 502, "provider_not_working"),
    ],
)
def test_failures_are_typed(message: dict[str, Any], status: int, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        said(message)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_a_challenge_says_what_the_operator_can_do_and_a_foreign_code_is_not_told() -> None:
    with pytest.raises(ApiError, match="COPILOT_ACCESS_TOKEN"):
        said({"event": "challenge"})
    with pytest.raises(ApiError) as caught:
        said({"event": "error", "errorCode": "see https://internal.host/"})
    assert "internal" not in caught.value.message


@pytest.mark.parametrize(
    "message",
    [b"", b"{", b"[]", b"null", b"7", b"{}", b'{"event":7,"x":1', b'{"event":"appendText"}', b"\xff\xfe",
     b'{"event":"appendText","text":7}', b'{"event":"imageGenerated","url":"javascript:x"}', b"[" * 100_000,
     b'{"event":"citation","url":"https://a.test/) [x](y"}', b'{"event":"error","errorCode":[]}'],
)  # fmt: skip
def test_what_cannot_be_read_is_the_providers_fault(message: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        Answer(whole=False).receive(message)
    assert caught.value.code == "provider_not_working"


DOCUMENTS = st.recursive(st.none() | st.text() | st.integers(), st.lists)


@given(st.binary() | DOCUMENTS.map(lambda document: json.dumps(document).encode()))
def test_any_message_is_read_or_refused(message: bytes) -> None:
    with suppress(ApiError):
        Answer(whole=True).receive(message)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", ""]), st.text())))
def test_both_ways_say_the_same_text(pieces: list[tuple[str, str]]) -> None:
    ordered = sorted(pieces)  # part after part
    messages = [append(text, part) for part, text in ordered]
    assert (
        "".join(said(*messages, DONE)) == "".join(said(*messages, DONE, whole=True)) == "".join(t for _, t in ordered)
    )


# --- the prompt ---


def turn(role: str, content: Any = None, **fields: Any) -> Message:
    return Message.model_validate({"role": role, "content": content, **fields})


def test_one_question_stays_what_it_is() -> None:
    assert flatten([turn("user", "What is up?")]) == "What is up?"
    assert flatten([turn("user", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])]) == "ab"


def test_a_chat_is_a_transcript_with_every_word() -> None:
    called = {"id": "1", "type": "function", "function": {"name": "time", "arguments": '{"in":"UTC"}'}}
    chat = [
        turn("system", "Be brief."),
        turn("user", "Hi", name="ann"),
        turn("assistant", None, tool_calls=[called]),
        turn("tool", "12:00", tool_call_id="1"),
        turn("assistant", "Noon."),
        turn("user", "Sure?"),
    ]
    assert flatten(chat) == (
        'System: Be brief.\n\nUser (ann): Hi\n\nAssistant: time({"in":"UTC"})\n\nTool: 12:00\n\n'
        "Assistant: Noon.\n\nUser: Sure?\n\nAssistant:"
    )
    assert flatten([turn("system", "Say hi.")]) == "System: Say hi.\n\nAssistant:"
