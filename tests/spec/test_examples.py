# Every example of the G4F REST API, copied as it stands, against a server whose aliases stand for what is not served
# here: `docs/compatibility.md`. RUNS says of each block of the document how it is run; none is left out.
from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from g4f_proto import ApiError, AuthenticationError, ModelNotFound, ProviderNotWorking
from providers import weights
from tests.backends.conftest import ROOT, Server, started
from tests.node.test_node import HERE as NODE
from tests.node.test_node import with_packages
from tests.spec.examples import EXAMPLES, Example, same_shape

KEY = "your-secret-key"
ALIASES = {
    "gpt-4o": "scripted", "gpt-4o-mini": "scripted", "gpt-4": "scripted", "dall-e-3": "procedural-1",
    "tts-1": "hibari-tts", "whisper-1": "whisper-tiny.en", "Copilot": "Scripted", "PollinationsAI": "Painter",
}  # fmt: skip
OPTIONS = (
    "--port", "0", "--ignored-providers", "Copilot,PollinationsAI",
    *(word for name, model in ALIASES.items() for word in ("--alias", f"{name}={model}")),
)  # fmt: skip


class Place:
    """Two servers, one with keys and one without, and a folder to work in."""

    def __init__(self, keyed: Server, open_: Server, folder: Path) -> None:
        self.keyed, self.open, self.folder = keyed, open_, folder

    def post(self, target: str, body: object) -> tuple[int, str, bytes]:
        return self.ask("POST", target, json.dumps(body))

    def ask(self, method: str, target: str, body: str | None = None) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.keyed.port, timeout=60)
        connection.request(method, target, body, {"content-type": "application/json", "g4f-api-key": KEY})
        reply = connection.getresponse()
        try:
            return reply.status, reply.getheader("content-type") or "", reply.read()
        finally:
            connection.close()

    def document(self, method: str, target: str, body: object = None) -> Any:
        status, _, out = self.ask(method, target, None if body is None else json.dumps(body))
        assert status == 200, out
        return json.loads(out)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    keys = ("--g4f-api-key", KEY, "--g4f-api-key", "g4f-api-key")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("G4F_COOKIES_DIR", str(tmp_path_factory.mktemp("cookies")))
        patch.setenv("G4F_MEDIA_DIR", str(tmp_path_factory.mktemp("media")))
        with (
            started("-m", "backends.h11", *OPTIONS, *keys) as keyed,
            started("-m", "backends.h11", *OPTIONS) as open_,
        ):
            yield Place(keyed, open_, tmp_path_factory.mktemp("work"))


def ran(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def needs(name: str) -> None:
    if not weights.installed(weights.find(name)):
        pytest.skip(f"g4f pull {name}")


def api(example: Example, place: Place) -> None:
    """The commands start, and serve until they are told to stop; only their port is another."""
    commands = [command for command in example.commands() if command[:2] == ["g4f", "api"]]
    assert commands
    for command in commands:
        options = re.sub(r"--port \d+", "", " ".join(command[2:])).split()
        with started("-m", "g4f.cli", "api", "--port", "0", *options) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request("GET", "/v1/models", headers={"authorization": "Bearer wrong"})
            assert connection.getresponse().status == (401 if "--g4f-api-key" in options else 200)
            connection.close()


def program(example: Example, place: Place) -> None:
    code = re.sub(r"port=\d+", "port=0", example.text)
    with started("-c", code) as server:
        assert server.port


def configuration(example: Example, place: Place) -> None:
    done = ran(sys.executable, "-c", example.text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def python(example: Example, place: Place) -> None:
    before = EXAMPLES[9].text if "import" not in example.text else ""  # goes on with that client
    code = f"{before}\n{example.text}".replace("http://localhost:1337", place.keyed.url)
    done = ran(sys.executable, "-c", code)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert ("print" in code) == bool(done.stdout.strip())


def langchain(example: Example, place: Place) -> None:
    """The names are gone from LangChain: today's in their place, and `invoke` for the call."""
    code = (
        example.at(place.keyed.url)
        .replace("langchain.chat_models", "langchain_openai")
        .replace("langchain.schema", "langchain_core.messages")
        .replace("llm([", "llm.invoke([")
    )
    done = ran(sys.executable, "-c", code)
    assert (done.returncode, done.stdout.strip()) == (0, "Hello!"), done.stderr


def javascript(example: Example, place: Place) -> None:
    folder = NODE / "v3" if "OpenAIApi" in example.text else NODE
    node = with_packages(folder, time.monotonic() + 55)
    script = folder / "node_modules" / ".example.cjs"
    call = "" if "\nmain()" in example.text else "\nmain();"
    script.write_text(example.at(place.keyed.url) + call)
    done = ran(node, str(script), folder=folder)
    assert (done.returncode, done.stdout.strip()) == (0, "Hello!"), done.stderr


def curl(example: Example, place: Place) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    server = place.keyed if "your-secret-key" in example.text else place.open
    if "transcriptions" in example.text:
        needs("whisper-tiny.en")
        pytest.importorskip("hibari")
        status, _, sound = place.post(
            "/v1/audio/speech", {"model": "tts-1", "input": "Hello, this is a test.", "voice": "alloy"}
        )
        assert status == 200
        (place.folder / "audio.mp3").write_bytes(sound)
    (place.folder / "cookies.json").write_text('[{"name": "a", "value": "b", "domain": ".example.com"}]')
    for command in example.commands():
        words = [word.replace("http://localhost:1337", server.url) for word in command]
        done = ran(*words, "-sS", "-w", "\n%{http_code}", folder=place.folder)
        body, _, status = done.stdout.rpartition("\n")
        assert (done.returncode, status) == (0, "200"), body + done.stderr
        if "transcriptions" in example.text:
            assert "test" in json.loads(body)["text"].lower()
        else:
            assert json.loads(body)


def chat_request(example: Example, place: Place) -> None:
    body = example.text.replace("/9j/4AAQSkZJRgABAQAAAQ...", _JPEG)  # what stands there is cut
    assert place.document("POST", "/v1/chat/completions", json.loads(body))["choices"][0]["finish_reason"]
    status, kind, out = place.post("/v1/chat/completions", {**json.loads(body), "stream": True})
    assert (status, kind, out.endswith(b"data: [DONE]\n\n")) == (200, "text/event-stream; charset=utf-8", True)


def image_request(example: Example, place: Place) -> None:
    pytest.importorskip("numpy")
    assert place.document("POST", "/v1/images/generations", example.document)["data"][0]["url"]


def speech_request(example: Example, place: Place) -> None:
    pytest.importorskip("hibari")
    status, kind, sound = place.post("/v1/audio/speech", example.document)
    assert (status, kind) == (200, "audio/mpeg"), sound
    assert len(sound) > 1000


HELLO = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]}


def answers(method: str, target: str, body: object = None) -> Callable[[Example, Place], None]:
    """What we answer there has the shape that is shown."""

    def run(example: Example, place: Place) -> None:
        assert same_shape(example.document, place.document(method, target, body)) == []

    return run


def stream(example: Example, place: Place) -> None:
    _, kind, out = place.post("/v1/chat/completions", {**HELLO, "stream": True})
    head, *shown = [line for line in example.text.splitlines() if line]
    assert kind.startswith(head.removeprefix("Content-Type: "))
    got = [block.removeprefix("data: ") for block in out.decode().split("\n\n") if block]
    assert got[-1] == shown[-1].removeprefix("data: ") == "[DONE]"
    first, last = (json.loads(shown[number].removeprefix("data: ")) for number in (0, -2))
    assert same_shape(first, json.loads(got[1])) == []  # the first one has the role, as OpenAI's has
    assert same_shape(last, json.loads(got[-2])) == []


def media(example: Example, place: Place) -> None:
    pytest.importorskip("numpy")
    method, shown = example.text.split()
    url = place.document("POST", "/v1/images/generations", {"prompt": "x", "size": "64x64"})["data"][0]["url"]
    target = "/" + url.partition("://")[2].partition("/")[2]
    assert target.startswith(shown.rpartition("/")[0])
    assert place.ask(method, target)[0] == 200


def headers(example: Example, place: Place) -> None:
    for line in example.text.splitlines():
        if not line.startswith("#"):
            name, value = line.split(": ")
            connection = http.client.HTTPConnection("127.0.0.1", place.keyed.port, timeout=10)
            connection.request("GET", "/v1/models", headers={name: value})
            assert connection.getresponse().status == 200
            connection.close()


def an_error(kind: type[ApiError]) -> Callable[[Example, Place], None]:
    def run(example: Example, place: Place) -> None:
        shown = example.document["error"]
        assert (kind.type, kind.code) == (shown["type"], shown["code"])
        assert same_shape(example.document, json.loads(kind("words").body())) == []

    return run


def variables(example: Example, place: Place) -> None:
    code = (
        "from backends.settings import Settings; s = Settings(); print(s.proxy.get_secret_value(), s.api_key, s.debug)"
    )
    shell = f"{example.text}\n{sys.executable} -c '{code}'"
    done = subprocess.run(["sh", "-c", shell], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "http://proxy.example.com:8080 ('your-secret-key',) True\n"


def log_lines(example: Example, place: Place) -> None:
    code = f"{example.text}\nimport g4f.api\n" + _LOGGED
    done = ran(sys.executable, "-c", code)
    assert re.search(r" - g4f\.api - INFO - GET /health 200 \d+ ms$", done.stderr.strip()), done.stderr


def gunicorn(example: Example, place: Place) -> None:
    install, serve = example.commands()
    assert install[:2] == ["pip", "install"]
    command = [word.replace("0.0.0.0:1337", "127.0.0.1:0").replace("=4", "=2") for word in serve[1:]]
    environment = {**os.environ, "G4F_API_KEY": KEY, "G4F_MODEL": "scripted", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *command], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            port, ready, said = 0, 0, ""
            while ready < int(command[command.index("--workers") + 1]):
                line = process.stderr.readline()
                assert line, said
                said += line
                port = int(found[1]) if (found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", line)) else port
                ready += "Application startup complete" in line
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            body = json.dumps({"messages": HELLO["messages"], "stream": True})
            connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {KEY}"})
            reply = connection.getresponse()
            assert (reply.status, reply.read()[-14:]) == (200, b"data: [DONE]\n\n")
            connection.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
        assert process.wait(20) == 0


def docker(example: Example, place: Place) -> None:
    """The command of the image; what it is installed with is not ours."""
    command = json.loads(example.text.rpartition("CMD ")[2])
    assert command[:3] == ["python", "-m", "g4f.cli"]
    os.environ["G4F_API_KEY"] = KEY
    try:
        with started(*("0" if word == "1337" else word for word in command[1:])) as server:
            assert server.port
    finally:
        del os.environ["G4F_API_KEY"]


def not_ours(example: Example, place: Place) -> None:
    """About FastAPI, caches and proxies of one's own: nothing of this server is asked."""
    assert not re.search(r"localhost:1337/|g4f\.api|g4f api", example.text)


RUNS: list[Callable[[Example, Place], None]] = [
    api, program, api, python, headers, chat_request, answers("POST", "/v1/chat/completions", HELLO), stream, curl,
    python, javascript, image_request,
    answers("POST", "/v1/images/generations", {"prompt": "x", "size": "64x64"}), curl, python,
    answers("GET", "/v1/models"), answers("GET", "/v1/models/gpt-4o"), curl, answers("GET", "/api/Copilot/models"),
    answers("GET", "/v1/providers"), answers("GET", "/v1/providers/Copilot"), curl, speech_request, curl, media,
    chat_request, curl, chat_request, chat_request, chat_request,
    an_error(ModelNotFound), an_error(AuthenticationError), an_error(ModelNotFound), an_error(ProviderNotWorking),
    variables, configuration, python, langchain, javascript, not_ours, not_ours, not_ours, python, not_ours, api,
    log_lines, curl, docker, gunicorn,
]  # fmt: skip

_JPEG = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgy"
    "PC4zNDL/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AVN//2Q=="
)
_LOGGED = """
import anyio
from backends.frames import Frames
from backends.service import Service

async def main():
    async with Service([]) as service:
        exchange = service.exchange("GET", b"/health", {})
        frames = Frames(exchange, service)
        async for _ in frames:
            pass
        frames.close()

anyio.run(main)
"""


def test_none_is_left_out() -> None:
    assert len(RUNS) == len(EXAMPLES)


@pytest.mark.parametrize(
    ("example", "run"),
    list(zip(EXAMPLES, RUNS, strict=False)),
    ids=[f"{one.number}-{one.heading.replace(' ', '_')}-{one.language}" for one in EXAMPLES],
)
def test_example(example: Example, run: Callable[[Example, Place], None], place: Place) -> None:
    run(example, place)
