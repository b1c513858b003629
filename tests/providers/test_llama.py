# One answer being made, with a llama.cpp that is played: what it can do wrong, and who may wait for whom.
from __future__ import annotations

import threading
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import anyio
import anyio.to_thread
import pytest

from g4f_proto import ApiError, ChatCall, Finish, InvalidRequest, ProviderEvent, ProviderNotWorking, Usage
from g4f_proto._schema.chat import ChatRequest
from providers import llama, local
from providers.hearing import Hearing
from providers.local import Local

pytestmark = pytest.mark.anyio

Heard = Callable[[dict[str, Any]], bool]
CALL = ChatCall(
    provider="Local",
    model="smollm2",
    request=ChatRequest.model_validate({"messages": [{"role": "user", "content": "hello"}]}),
    body={},
)
Script = Callable[[Heard], object]


def delta(text: str | None, reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": text or "", "logprobs": None, "finish_reason": reason}]}


USAGE = {
    **delta(None),
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}},
}
GOOD = (delta("Hel"), delta("lo"), delta(None, "length"), USAGE)


class Played:
    """A llama.cpp that runs `script` for each request, in the thread of the call."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.stopped = threading.Event()
        self.requests: list[Mapping[str, object]] = []

    def handle_completions(self, request: Mapping[str, object], callback: Heard) -> None:
        self.requests.append(request)

        def heard(chunk: dict[str, Any]) -> bool:
            try:
                stop = callback(chunk)
            except BaseException:  # what xllamacpp does
                raise AssertionError("an exception in the callback is swallowed by xllamacpp") from None
            if stop:
                self.stopped.set()
            return stop

        self.script(heard)


def says(*chunks: dict[str, Any]) -> Script:
    return lambda heard: any(map(heard, chunks))


Play = Callable[[Script], tuple[Local, Played]]


@pytest.fixture
async def play(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Callable[[Script], tuple[Local, Played]]]:
    """A Local whose llama.cpp plays the script."""
    monkeypatch.setattr(local, "_missing", list)
    made = []

    def start(script: Script) -> tuple[Local, Played]:
        played = Played(script)
        monkeypatch.setattr(llama, "load", lambda path, **how: played)
        made.append(Local())
        return made[-1], played

    yield start
    for provider in made:
        await provider.aclose()


async def everything(provider: Local, heard: list[ProviderEvent] | None = None) -> list[ProviderEvent]:
    heard = [] if heard is None else heard
    with anyio.fail_after(10):  # whoever waits for a slot that is never given back
        async with aclosing(provider.stream(CALL)) as events:
            async for event in events:
                heard.append(event)
    return heard


async def test_says_what_llama_cpp_says(play: Play) -> None:
    provider, played = play(says(*GOOD))
    assert await everything(provider) == [
        "Hel",
        "lo",
        Finish(reason="length"),
        Usage(prompt_tokens=3, completion_tokens=2, cached_tokens=1),
    ]
    assert played.requests[0]["stream"] is True
    assert played.requests[0]["return_progress"] is True


@pytest.mark.parametrize(
    "chunk",
    [
        {"error": {"code": 500, "message": "ggml_secret failed", "type": "server_error"}},
        {"choices": [{"unheard": "of"}]},
        {"no": "choices"},
    ],
)
async def test_an_error_is_told_without_its_insides(play: Play, chunk: dict[str, Any], caplog: Any) -> None:
    provider, _ = play(says(delta("Hel"), chunk, delta("never")))
    heard: list[ProviderEvent] = []
    with pytest.raises(ProviderNotWorking) as caught:
        await everything(provider, heard)
    assert heard == ["Hel"]
    assert "secret" not in caught.value.message
    assert caplog.records  # the operator is told


async def test_a_refused_request_is_told_without_its_insides(play: Play, caplog: Any) -> None:
    def refuse(heard: Heard) -> None:
        raise RuntimeError("ggml_secret")

    provider, _ = play(refuse)
    with pytest.raises(ProviderNotWorking) as caught:
        await everything(provider)
    assert "secret" not in caught.value.message
    assert "ggml_secret" in caplog.text


async def test_an_answer_that_breaks_off_is_an_error_and_not_an_end(play: Play) -> None:
    provider, _ = play(says(delta("Hel")))
    with pytest.raises(ProviderNotWorking):
        await everything(provider)


def token(text: str, at: int) -> dict[str, Any]:
    """A piece with its probability, `at` being how many tokens there are by now."""
    scores = {"content": [{"id": at, "token": text, "bytes": list(text.encode()), "logprob": -0.5, "top_logprobs": []}]}
    chunk = delta(text)
    chunk["choices"][0]["logprobs"] = scores
    return {**chunk, "timings": {"cache_n": 1, "prompt_n": 2, "predicted_n": at}}


def test_a_stop_over_several_tokens_ends_the_answer_and_is_counted() -> None:
    hearing = Hearing(top=0, stops=["lo, w"])
    heard = [event for at, text in enumerate(["Hel", "lo", ", ", "wor"], 1) for event in hearing.hear(token(text, at))]
    assert [getattr(event, "text", event) for event in heard[:1]] == ["Hel"]
    assert heard[1:] == [Finish(reason="stop"), Usage(prompt_tokens=3, completion_tokens=4, cached_tokens=1)]
    assert hearing.complete
    assert hearing.enough


def test_what_was_no_stop_is_said_at_the_end() -> None:
    hearing = Hearing(top=0, stops=["lo!"])
    heard = [event for at, text in enumerate(["Hel", "lo"], 1) for event in hearing.hear(token(text, at))]
    heard += hearing.hear(delta(None, "stop"))
    assert [getattr(event, "text", event) for event in heard] == ["Hel", "lo", Finish(reason="stop")]
    assert not hearing.enough


@pytest.mark.parametrize(
    "said",
    [
        [delta("The")],  # no opening: there was no grammar
        [delta(None, "stop")],
        [delta("\n"), delta("The")],  # there is none any more
        [delta("\n"), delta('{"a": '), delta("Hello"), delta(None, "stop")],
        [delta("\n"), delta(None, "stop")],
    ],
)
def test_an_answer_that_is_not_held_to_its_schema_is_an_error(said: list[dict[str, Any]]) -> None:
    hearing = Hearing(opening="\n", whole=True)
    with pytest.raises(InvalidRequest, match="cannot be enforced") as caught:
        for chunk in said:
            hearing.hear(chunk)
    assert (caught.value.code, caught.value.param) == ("invalid_schema", "response_format")


@pytest.mark.parametrize("reason", ["length", "stop"])
def test_the_opening_is_neither_said_nor_counted(reason: str) -> None:
    hearing = Hearing(opening="\n", whole=True)
    text = '{"a": 1}' if reason == "stop" else '{"a": '
    heard = [event for chunk in (delta("\n"), delta(text), delta(None, reason), USAGE) for event in hearing.hear(chunk)]
    assert heard == [text, Finish(reason=reason), Usage(prompt_tokens=4, completion_tokens=1, cached_tokens=1)]  # type: ignore[arg-type]


async def test_a_context_that_is_too_small(play: Play) -> None:
    error = {"code": 400, "type": "exceed_context_size_error", "message": "x", "n_prompt_tokens": 6010, "n_ctx": 4096}
    provider, _ = play(says({"error": error}))
    with pytest.raises(InvalidRequest, match=r"4096 tokens\. However, your messages resulted in 6010") as caught:
        await everything(provider)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "context_length_exceeded", "messages")


async def test_a_failed_load_is_told_and_the_next_call_tries_again(play: Play, monkeypatch: Any, caplog: Any) -> None:
    provider, played = play(says(*GOOD))

    def fail(path: object, **how: object) -> None:
        raise RuntimeError("no memory for ggml_secret")

    monkeypatch.setattr(llama, "load", fail)
    for _ in range(local.SLOTS + 1):  # each gives its slot back
        with pytest.raises(ApiError, match="could not be loaded") as caught:
            await everything(provider)
        assert "secret" not in caught.value.message
    assert "ggml_secret" in caplog.text
    monkeypatch.setattr(llama, "load", lambda path, **how: played)
    assert len(await everything(provider)) == 4


async def test_first_calls_share_one_load(play: Play, monkeypatch: Any) -> None:
    provider, played = play(says(*GOOD))
    entered, both, loads = threading.Event(), threading.Event(), []

    def load(path: object, **how: object) -> Played:
        loads.append(path)
        entered.set()
        assert both.wait(5)
        return played

    monkeypatch.setattr(llama, "load", load)
    async with anyio.create_task_group() as group:
        group.start_soon(everything, provider)
        group.start_soon(everything, provider)
        await anyio.to_thread.run_sync(entered.wait)
        await anyio.wait_all_tasks_blocked()
        both.set()
    assert len(loads) == 1


async def test_who_leaves_while_it_loads_leaves_at_once(play: Play, monkeypatch: Any) -> None:
    provider, played = play(says(*GOOD))
    entered, go = threading.Event(), threading.Event()

    def load(path: object, **how: object) -> Played:
        entered.set()
        assert go.wait(5)
        return played

    monkeypatch.setattr(llama, "load", load)
    async with anyio.create_task_group() as group:
        group.start_soon(everything, provider)
        await anyio.to_thread.run_sync(entered.wait)
        group.cancel_scope.cancel()
    go.set()  # only now, so that a cancel which waits for the load hangs until its time is up
    monkeypatch.setattr(llama, "load", lambda path, **how: pytest.fail("loaded twice"))
    assert len(await everything(provider)) == 4


async def test_a_closed_generator_has_stopped_llama_cpp(play: Play) -> None:
    def endless(heard: Heard) -> None:
        while not heard(delta("la ")):
            pass

    provider, played = play(endless)
    for _ in range(local.SLOTS + 1):
        played.stopped.clear()
        with anyio.fail_after(10):
            async with aclosing(provider.stream(CALL)) as events:
                assert await anext(events) == "la "
        assert played.stopped.is_set()


async def test_a_cancel_is_noticed_while_nothing_is_said(play: Play) -> None:
    begun, pace = threading.Event(), threading.Event()

    def prompt(heard: Heard) -> None:
        while not heard({**delta(None), "prompt_progress": {}}):
            begun.set()
            pace.wait(0.001)

    provider, played = play(prompt)
    async with anyio.create_task_group() as group:
        group.start_soon(everything, provider)
        await anyio.to_thread.run_sync(begun.wait)
        group.cancel_scope.cancel()
    assert played.stopped.is_set()


async def test_an_answer_nobody_reads_holds_no_slot(play: Play) -> None:
    provider, _ = play(says(*GOOD))
    unread = [provider.stream(CALL) for _ in range(local.SLOTS)]
    try:
        for events in unread:
            assert await anext(events) == "Hel"  # and no more
        with anyio.fail_after(5):
            assert len(await everything(provider)) == 4
    finally:
        for events in unread:
            await events.aclose()


async def test_more_calls_than_slots_wait_and_can_leave(play: Play) -> None:
    all_in, go = threading.Barrier(local.SLOTS + 1, timeout=5), threading.Event()

    def wait(heard: Heard) -> None:
        if not go.is_set():
            all_in.wait()
        assert go.wait(5)
        says(*GOOD)(heard)

    provider, played = play(wait)
    async with anyio.create_task_group() as group:
        for _ in range(local.SLOTS):
            group.start_soon(everything, provider)
        await anyio.to_thread.run_sync(all_in.wait)
        with anyio.move_on_after(0.01) as scope:
            await everything(provider)
        assert scope.cancelled_caught
        go.set()
    assert len(played.requests) == local.SLOTS
    assert len(await everything(provider)) == 4


async def test_aclose_frees_the_model(monkeypatch: Any) -> None:
    monkeypatch.setattr(local, "_missing", list)
    monkeypatch.setattr(llama, "load", lambda path, **how: Played(says(*GOOD)))
    provider = Local()
    await everything(provider)
    loaded = weakref.ref(provider._llama)
    assert loaded() is not None
    await provider.aclose()
    assert loaded() is None
