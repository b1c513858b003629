# Copilot and PollinationsAI behind the server: over the wire, set up and not, and when the client leaves.
from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from backends.connection import Connection, Timeouts
from backends.service import Service
from backends.settings import Settings, make_service
from providers import Provider
from providers.pollinations import PollinationsAI
from providers.upstream import UPSTREAMS
from tests.backends.pipes import Pipe, pipe
from tests.providers.test_copilot import DONE, TOKEN, at, says, text
from tests.providers.test_copilot import Service as FakeCopilot
from tests.providers.test_pollinations import JPEG, upstream
from tests.providers.upstream.peer import reply, serving

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(service: Service) -> AsyncGenerator[Pipe, None]:
    here, there = pipe()
    async with service, anyio.create_task_group() as tasks:
        tasks.start_soon(Connection(there, service, Timeouts()).run)
        with anyio.fail_after(20):
            yield here
        await here.aclose()
        tasks.cancel_scope.cancel()


async def ask(service: Service, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
    async with connected(service) as wire:
        await wire.send(message(path, body))
        data = b""
        async for piece in wire:
            data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), rest


def message(path: str, body: dict[str, Any] | None) -> bytes:
    method, data = ("GET", b"") if body is None else ("POST", json.dumps(body).encode())
    lines = [f"{method} {path} HTTP/1.1", "host: x", "connection: close", f"content-length: {len(data)}", "", ""]
    return "\r\n".join(lines).encode() + data


def chat(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Hi"}], **fields}


def service(provider: Provider) -> Service:
    return Service([provider])


async def test_copilot_streams_to_the_client_and_stops_when_it_leaves() -> None:
    fake = FakeCopilot(says(text("Hel"), text("lo"), DONE))
    async with at(fake) as copilot:
        status, body = await ask(
            service(copilot), "/v1/chat/completions", chat(provider="Copilot", model="gpt-4o", stream=True)
        )
    assert status == 200
    assert b'"content":"Hel"' in body
    assert b"data: [DONE]" in body

    fake = FakeCopilot(says(text("Hel")))
    async with at(fake) as copilot, connected(service(copilot)) as wire:
        await wire.send(message("/api/Copilot/chat/completions", chat(model="Copilot", stream=True)))
        data = b""
        while b'"Hel"' not in data:
            data += await wire.receive()
        await wire.aclose()
        await fake.left.wait()
    assert fake.goodbye is False


async def test_a_conversation_goes_on_as_a_transcript() -> None:
    fake = FakeCopilot(says(text("Hello."), DONE))
    async with at(fake) as copilot, service(copilot) as running:
        for question in ("Hi", "Again"):
            body = {**chat(model="gpt-4"), "messages": [{"role": "user", "content": question}], "conversation_id": "c"}
            here, there = pipe()
            async with anyio.create_task_group() as tasks, here:
                tasks.start_soon(Connection(there, running, Timeouts()).run)
                await here.send(message("/v1/chat/completions", body))
                assert b'"Hello."' in b"".join([piece async for piece in here])
    assert fake.opening[2]["content"][-1]["text"] == "User: Hi\n\nAssistant: Hello.\n\nUser: Again\n\nAssistant:"


@pytest.mark.parametrize("name", ["temperature", "tools"])
async def test_what_copilot_cannot_honour_is_refused(name: str) -> None:
    value: Any = 0.5 if name == "temperature" else [{"type": "function", "function": {"name": "f"}}]
    fake = FakeCopilot()
    async with at(fake) as copilot:
        status, body = await ask(service(copilot), "/v1/chat/completions", chat(model="Copilot", **{name: value}))
    assert (status, json.loads(body)["error"]["param"]) == (400, name)
    assert fake.heads == []


async def test_an_image_of_pollinations_over_the_wire() -> None:
    async with serving([reply(JPEG, type="image/jpeg")]) as peer:
        made = PollinationsAI(upstream(peer.port))
        asked = {"provider": "PollinationsAI", "model": "flux", "prompt": "a fox", "response_format": "b64_json"}
        status, body = await ask(service(made), "/v1/images/generations", asked)
    assert status == 200
    assert json.loads(body)["output_format"] == "jpeg"
    assert peer.requests[0].path.startswith("/image/a%20fox?model=flux&")


@pytest.mark.parametrize("name", ["quality", "background", "negative_prompt", "guidance_scale"])
async def test_what_an_image_of_pollinations_cannot_have_is_refused(name: str) -> None:
    value: Any = {"quality": "hd", "background": "transparent", "guidance_scale": 3}.get(name, "no dogs")
    asked = {"provider": "PollinationsAI", "model": "flux", "prompt": "a fox", name: value}
    status, body = await ask(service(PollinationsAI(upstream(9))), "/v1/images/generations", asked)
    assert (status, json.loads(body)["error"]["param"]) == (400, name)


# --- set up or not ---

NAMED = [
    ("Copilot", "COPILOT_ACCESS_TOKEN", "/v1/chat/completions", chat(model="gpt-4o")),
    ("PollinationsAI", "POLLINATIONS_API_KEY", "/v1/chat/completions", chat(model="openai")),
    ("PollinationsAI", "POLLINATIONS_API_KEY", "/v1/images/generations", {"model": "flux", "prompt": "x"}),
    ("OpenAI", "OPENAI_API_KEY", "/v1/chat/completions", chat(model="gpt-4o")),
    ("GitHub", "the config file", "/v1/chat/completions", chat(model="gpt-4o")),
]


@pytest.fixture(autouse=True)
def _nothing_set_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for known in UPSTREAMS:
        for variable in filter(None, (known.key, known.place)):
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("G4F_COOKIES_DIR", str(tmp_path))


@pytest.mark.parametrize(("provider", "variable", "path", "body"), NAMED)
async def test_what_is_missing_is_said_to_who_names_it(
    provider: str, variable: str, path: str, body: dict[str, Any]
) -> None:
    status, said = await ask(make_service(Settings()), path, {**body, "provider": provider})
    error = json.loads(said)["error"]
    assert (status, error["code"], error["param"]) == (404, "provider_not_found", "provider")
    assert variable in error["message"]


async def test_nobodys_prompt_goes_where_it_was_not_sent() -> None:
    assert (await ask(make_service(Settings()), "/v1/chat/completions", chat(model="gpt-4o")))[0] == 404
    status, said = await ask(
        make_service(Settings(ignored_providers=("Copilot",))), "/v1/chat/completions", chat(provider="Copilot")
    )
    assert (status, b"does not exist" in said) == (404, True)


async def test_the_list_says_who_can_answer_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for token in ("", TOKEN):
        monkeypatch.setenv("COPILOT_ACCESS_TOKEN", token)
        monkeypatch.setenv("POLLINATIONS_API_KEY", token)
        status, body = await ask(make_service(Settings()), "/v1/providers")
        assert status == 200
        assert TOKEN.encode() not in body
        listed = {entry["provider"]: entry for entry in json.loads(body)["data"]}
        assert (listed["Copilot"]["working"], listed["Copilot"]["auth"]) == (bool(token), True)
        assert listed["Copilot"]["url"] == "https://copilot.microsoft.com"
        assert ("PollinationsAI" in listed) is bool(token)


async def test_cookies_that_were_uploaded_are_a_way_in(tmp_path: Path) -> None:
    cookie = {"name": "session", "value": "secret", "domain": ".copilot.microsoft.com"}
    (tmp_path / "mine.json").write_text(json.dumps([cookie]))
    _, body = await ask(make_service(Settings()), "/api/Copilot/models")
    assert "gpt-4o" in [entry["id"] for entry in json.loads(body)["data"]]


async def test_models_of_copilot_are_known_without_asking_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_ACCESS_TOKEN", TOKEN)
    _, body = await ask(make_service(Settings()), "/api/Copilot/models")
    told = {entry["id"]: entry for entry in json.loads(body)["data"]}
    assert {"Copilot", "Think Deeper", "Smart", "Study", "gpt-4", "gpt-4o"} <= told.keys()
    assert (told["gpt-4"]["owned_by"], told["gpt-4"]["vision"], told["gpt-4"]["image"]) == ("Microsoft", True, False)
