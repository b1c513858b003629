"""The suite's own HTTP reader: right replies are read, wrong ones are named. Each vector whole, and byte by byte."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from conformance.message import Gone, Impossible, Reply, Silent, Unreachable, Url, Violation, WireError, chunked
from conformance.wire import Connection

OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def server(data: bytes, *, step: int, hold: bool = False) -> Iterator[Connection]:
    """A connection to a server that says `data` in pieces of `step` bytes, then hangs up (or holds the line)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, suppress(OSError):  # the reader may have seen enough
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for at in range(0, len(data), step):
                    client.sendall(data[at : at + step])
                if hold:
                    client.recv(1)

        thread = Thread(target=serve)
        thread.start()
        with Connection(Url("http", "127.0.0.1", listener.getsockname()[1], ""), 0.3) as connection:
            yield connection
        thread.join()


def read(data: bytes, step: int, method: str = "GET") -> Reply:
    with server(data, step=step) as connection:
        return connection.reply(method)


RIGHT: dict[str, tuple[bytes, str, bytes]] = {
    "a length": (OK + b"Content-Length: 2\r\n\r\nhi", "GET", b"hi"),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked([b"h", b"i" * 300]), "GET", b"h" + b"i" * 300),
    "a trailer and an extension": (
        OK + b"transfer-encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\nX: 1\r\n\r\n",
        "GET",
        b"hi",
    ),
    "until the end": (OK + b"Connection: close\r\n\r\nhi", "GET", b"hi"),
    "HEAD": (OK + b"Content-Length: 2\r\n\r\n", "HEAD", b""),
    "no content": (b"HTTP/1.1 204 \r\n\r\n", "GET", b""),
    "100 first": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi", "POST", b"hi"),
}

WRONG: dict[str, tuple[bytes, type[WireError]]] = {
    "no status line": (b"hello\r\n\r\n", Violation),
    "HTTP/2": (b"HTTP/2 200 OK\r\n\r\n", Violation),
    "a status of 99": (b"HTTP/1.1 99 OK\r\n\r\n", Violation),
    "bare LF": (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", Violation),
    "a space before the colon": (OK + b"Content-Length : 0\r\n\r\n", Violation),
    "a folded header": (OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", Violation),
    "NUL in a header": (OK + b"X: a\0\r\nContent-Length: 0\r\n\r\n", Violation),
    "two lengths": (OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", Violation),
    "a length of -1": (OK + b"Content-Length: -1\r\n\r\n", Violation),
    "length and chunks": (OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Violation),
    "gzip, chunked": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Violation),
    "chunks in a 204": (b"HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Violation),
    "no chunk size": (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n0\r\n\r\n", Violation),
    "a chunk too long": (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n0\r\n\r\n", Violation),
    "an endless line": (OK + b"X: " + b"a" * 70_000, Violation),
    "cut in the head": (OK + b"Content-Le", Gone),
    "nothing": (b"", Gone),
    "cut before the length": (OK + b"Content-Length: 9\r\n\r\nhi", Gone),
    "cut in a chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhi", Gone),
    "no last chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", Gone),
}


@pytest.mark.parametrize("step", [1, 1_000_000])
@pytest.mark.parametrize("name", RIGHT)
def test_right(name: str, step: int) -> None:
    data, method, body = RIGHT[name]
    assert read(data, step, method).body == body


@pytest.mark.parametrize("step", [1, 1_000_000])
@pytest.mark.parametrize("name", [name for name in WRONG if name != "an endless line"])
def test_wrong(name: str, step: int) -> None:
    data, error = WRONG[name]
    with pytest.raises(error):
        read(data, step)


def test_an_endless_line_is_not_collected() -> None:
    with pytest.raises(Violation, match="more than"):
        read(WRONG["an endless line"][0], 10_000)


def test_two_replies_on_one_connection() -> None:
    with server((OK + b"Content-Length: 2\r\n\r\nhi") * 2, step=3) as connection:
        assert [connection.reply().body, connection.reply().body] == [b"hi", b"hi"]
        assert connection.closed_within(1)


def test_reading_on_in_another_iterator() -> None:
    with server(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked([b"a", b"b", b"c"]), step=1) as connection:
        connection.head()
        assert [next(connection.pieces()), next(connection.pieces())] == [b"a", b"b"]
        assert list(connection.pieces()) == [b"c"]


def test_silence_has_a_deadline() -> None:
    with server(OK, step=100, hold=True) as connection:
        assert not connection.closed_within(0.05)
        with pytest.raises(Silent):
            connection.reply()
        connection.send(b"x")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match="cannot connect"):
        Connection(Url("http", "127.0.0.1", port, ""), 1)


def test_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS 1.3 servers send session tickets at once: readable, and yet no answer to what was not said."""
    certificate = Path(__file__).with_name("localhost.pem")  # self-signed, made for this test, good for nothing else
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with context.wrap_socket(client, server_side=True) as secure:
                while len(heard) < 3:
                    heard.extend(secure.recv(1))
                secure.sendall(OK + b"Content-Length: 2\r\n\r\nhi")
                secure.recv(1)

        heard = bytearray()
        thread = Thread(target=serve)
        thread.start()
        with Connection(Url("https", "localhost", listener.getsockname()[1], ""), 5) as connection:
            assert not connection.readable(0.1)
            assert connection.send_until_answered([b"a", b"b", b"c"]) == 3
            assert connection.reply().body == b"hi"
            with pytest.raises(Impossible):
                connection.finish_sending()
        thread.join()


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://h:1/v1", Url("http", "h", 1, "/v1")),
        ("http://h:1", Url("http", "h", 1, "/v1")),
        ("https://h/api/v2/", Url("https", "h", 443, "/api/v2")),
        ("127.0.0.1:80", Url("http", "127.0.0.1", 80, "/v1")),
        ("http://[::1]:1/", Url("http", "::1", 1, "/v1")),
    ],
)
def test_urls(text: str, url: Url) -> None:
    assert Url.parse(text) == url
    assert Url.parse(str(url)) == url


@pytest.mark.parametrize("text", ["ftp://h", "http://", "http://h:port", ""])
def test_no_urls(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Url.parse(text)
