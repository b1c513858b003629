# Images and stored files through real sockets, on every server: their framing, their end, and what is not given away.
from __future__ import annotations

import base64
import http.client
import io
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import openai
import PIL.Image
import pytest

from tests.backends.conftest import Server

BIG = 48 * 2**20


@pytest.fixture
def http1(server: Server) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    yield connection
    connection.close()


@pytest.fixture
def big(media_dir: Path) -> Iterator[Path]:
    """A file that no buffer holds: zeros that take no room on the disk."""
    path = media_dir / f"{'b' * 32}-{'b' * 16}.png"
    path.touch()
    os.truncate(path, BIG)
    yield path
    path.unlink()


def said(server: Server) -> str:
    """What the server has logged since it was asked last."""
    assert server.process.stderr is not None
    descriptor = server.process.stderr.fileno()
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 65536).decode()
    except BlockingIOError:
        return ""
    finally:
        os.set_blocking(descriptor, True)


def decoded(data: bytes) -> tuple[tuple[int, int], str | None]:
    picture = PIL.Image.open(io.BytesIO(data))
    picture.load()
    return picture.size, picture.format


@pytest.mark.parametrize("model", ["procedural-1", "scripted"])
def test_an_address_and_what_is_there(client: openai.OpenAI, server: Server, model: str) -> None:
    made = client.images.generate(model=model, prompt="a sunset over mountains", size="96x64", n=2)  # type: ignore[call-overload]
    assert len({image.url for image in made.data}) == 2
    for image in made.data:
        assert image.url.startswith(f"{server.url}/media/")
        assert image.revised_prompt.startswith(("procedural: ", "scripted: "))
        with urlopen(image.url) as reply:
            assert reply.headers["content-type"] == "image/png"
            assert decoded(reply.read()) == ((96, 64), "PNG")


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_base64(client: openai.OpenAI, media_dir: Path, kind: str) -> None:
    before = os.listdir(media_dir)
    made = client.images.generate(
        model="procedural-1",
        prompt="a city at night",
        size="96x64",  # type: ignore[arg-type]
        response_format="b64_json",
        output_format=kind,  # type: ignore[arg-type]
        extra_body={"seed": 3},
    )
    assert made.data is not None
    assert made.output_format == kind
    assert decoded(base64.b64decode(made.data[0].b64_json or "")) == ((96, 64), kind.upper())
    assert os.listdir(media_dir) == before


def test_refusals(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="scripted", prompt="x", size="7x7")  # type: ignore[call-overload]
    assert (caught.value.code, caught.value.param) == ("invalid_value", "size")
    with pytest.raises(openai.RateLimitError):
        client.images.generate(model="scripted:error=429", prompt="x")


def test_replies_follow_each_other_on_one_connection(http1: http.client.HTTPConnection, big: Path) -> None:
    """A 304 or a HEAD with a body, or a body longer than it says, would be taken for the next reply."""
    path = f"/media/{big.name}"
    seen = []
    for method, fields in (
        ("HEAD", {}),
        ("GET", {"if-none-match": f'"{"b" * 16}"'}),
        ("GET", {"range": "bytes=10-19"}),
        ("GET", {"range": f"bytes={BIG}-"}),
        ("HEAD", {"range": "bytes=0-1"}),
        ("GET", {"if-match": '"x"'}),
        ("GET", {}),
        ("GET", {"range": "bytes=-1"}),
    ):
        http1.request(method, path, headers=fields)
        reply = http1.getresponse()
        assert reply.getheader("transfer-encoding") is None
        seen.append((reply.status, reply.getheader("content-length"), len(reply.read())))
    assert [(status, length) for status, length, _ in seen if status not in (412, 416)] == [
        (200, str(BIG)), (304, None), (206, "10"), (200, str(BIG)), (200, str(BIG)), (206, "1"),
    ]  # fmt: skip
    assert [status for status, _, _ in seen] == [200, 304, 206, 416, 200, 412, 200, 206]
    assert [size for status, _, size in seen if status not in (412, 416)] == [0, 0, 10, 0, BIG, 1]


def test_a_file_that_is_cut_is_not_taken_for_whole(
    server: Server, http1: http.client.HTTPConnection, big: Path
) -> None:
    http1.request("GET", f"/media/{big.name}")
    reply = http1.getresponse()
    reply.read(1)
    os.truncate(big, 0)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        reply.read()
    with urlopen(f"{server.url}/health") as alive:
        assert alive.status == 200
    assert said(server) == ""


def test_whoever_leaves_closes_the_file(server: Server, big: Path) -> None:
    def opened() -> bool:
        folder = Path(f"/proc/{server.process.pid}/fd")
        for name in os.listdir(folder):
            with suppress(FileNotFoundError):  # it was closed meanwhile
                if os.readlink(folder / name) == str(big):
                    return True
        return False

    with socket.create_connection(("127.0.0.1", server.port), 10) as sock:
        sock.sendall(b"GET /media/%b HTTP/1.1\r\nHost: x\r\n\r\n" % big.name.encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
        assert opened()  # a client that does not read holds it: nothing reads it to the end ahead of them
    for _ in range(1000):
        with urlopen(f"{server.url}/health"):
            if not opened():
                return
    raise AssertionError("the file is still open")


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "..%2fsecret.png", "%2e%2e/secret.png", "%2e%2e%2fsecret.png", "..%5csecret.png", "secret.png",
     "%2fetc%2fpasswd", "x%00.png", "%ff.png", "", "link.png", "../../../../../../etc/passwd", ".", "..;/x"],
)  # fmt: skip
def test_nothing_else_is_given_away(server: Server, media_dir: Path, name: str) -> None:
    secret = media_dir.parent / "secret.png"
    secret.write_bytes(b"secret")
    (media_dir / "secret.png").write_bytes(b"secret")
    with socket.create_connection(("127.0.0.1", server.port), 10) as sock:
        sock.sendall(b"GET /media/%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % name.encode())
        reply = b"".join(iter(lambda: sock.recv(65536), b""))
    assert reply.startswith(b"HTTP/1.1 404")
    assert b'"error"' in reply
    assert b"secret\n" not in reply
    assert not reply.endswith(b"secret")
