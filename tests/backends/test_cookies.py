# A browser's export sent as `curl -F files=@cookies.json` sends it, on every backend.
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.backends.conftest import SERVERS, started

EXPORT = [{"name": "_U", "value": "s3cret", "domain": ".bing.com", "hostOnly": False, "path": "/", "secure": True}]


@pytest.fixture(scope="module", params=["h11-trio", "quart", "sanic"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    name, loop = SERVERS[request.param]
    folder = tmp_path_factory.mktemp(name) / "cookies"
    options = ("--port", "0", "--loop", loop, "--g4f-api-key", "k", "--cookies-dir", str(folder))
    with started("-m", f"backends.{name}", *options) as running:
        yield f"{running.url}/v1/upload_cookies", folder


def test_an_upload(server: tuple[str, Path]) -> None:
    url, folder = server
    files = [
        ("files", ("cookies.json", json.dumps(EXPORT).encode(), "application/json")),
        ("files", ("log.har", b"{", "application/octet-stream")),
    ]
    reply = httpx2.post(url, headers={"g4f-api-key": "k"}, files=files)
    assert reply.status_code == 200
    kept, refused = reply.json()
    assert kept == {"filename": "cookies.json"}
    assert refused["filename"] == "log.har"
    assert "s3cret" not in reply.text
    (path,) = folder.rglob("*.json")
    assert json.loads(path.read_text())[0]["value"] == "s3cret"


def test_no_key_no_upload(server: tuple[str, Path]) -> None:
    reply = httpx2.post(server[0], files={"files": ("a.json", b"[]")})
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")


def test_what_is_no_cookie_file(server: tuple[str, Path]) -> None:
    reply = httpx2.post(server[0], headers={"g4f-api-key": "k"}, files={"files": ("a.json", b"[]")})
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "invalid_cookie_file")


def test_an_open_server_that_others_can_reach_takes_none(tmp_path: Path) -> None:
    options = ("--port", "0", "--host", "0.0.0.0", "--without-key", "--cookies-dir", str(tmp_path))
    with started("-m", "backends.h11", *options) as running:
        url = f"http://127.0.0.1:{running.port}/v1/upload_cookies"
        reply = httpx2.post(url, files={"files": ("a.json", json.dumps(EXPORT).encode())})
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "forbidden")
    assert list(tmp_path.iterdir()) == []
