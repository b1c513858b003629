"""A man in the middle who breaks exactly one thing.

The judge is judged by mutation: between it and a right server stands a proxy with one `Flaw`, and the cases named by
the flaw must fail. Requests are forwarded whole; replies are read with the suite's own reader, changed, written again.
"""

import json
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any

from conformance.message import Reply, Url, WireError
from conformance.wire import Connection

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Flaw:
    """One mistake, and the ids of the `cases` that must see it."""

    cases: tuple[str, ...]
    request: Callable[[Object], object] | None = None  # changes the JSON of a request in place
    head: Callable[[str], str] | None = None  # changes the head of a request
    reply: Callable[[Reply], Reply] | None = None  # changes a reply: all of a JSON one, the head of a stream
    events: Callable[[list[bytes]], list[bytes]] | None = None  # changes a whole stream: events in, HTTP chunks out
    deaf: bool = False  # does not pass on that the client left
    greedy: bool = False  # reads the server dry whether the client reads or not
    curt: bool = False  # closes after each reply without saying so
    frank: bool = True  # answers Expect: 100-continue


class Proxy:
    """`with Proxy(url, flaw) as url:` listens on loopback in a thread."""

    def __init__(self, upstream: Url, flaw: Flaw) -> None:
        self._upstream, self._flaw = upstream, flaw
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket | Connection] = []

    def __enter__(self) -> Url:
        Thread(target=self._accept, daemon=True).start()
        return replace(self._upstream, host="127.0.0.1", port=self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thing in self._open:
            with suppress(OSError):  # close() alone would not wake the thread that reads from it
                if isinstance(thing, Connection):
                    thing.finish_sending()
                else:
                    thing.shutdown(socket.SHUT_RDWR)
            thing.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            upstream = Connection(self._upstream, 10)
            self._open.append(upstream)
            with client, upstream, client.makefile("rb") as reader:
                while (method := self._forward(reader, client, upstream)) and self._answer(method, client, upstream):
                    pass
        except (OSError, ValueError, WireError):
            return

    def _forward(self, reader: Any, client: socket.socket, upstream: Connection) -> str:
        """Pass one request on; returns its method, "" at the end."""
        lines = [reader.readline()]
        while lines[-1] not in (b"\r\n", b""):
            lines.append(reader.readline())
        head = b"".join(lines).decode("latin-1")
        if not head.endswith("\r\n\r\n"):
            upstream.send(head.encode("latin-1"))
            return ""
        fields = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head.split("\r\n")[1:]}
        if "expect" in fields and self._flaw.frank:
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(fields.get("content-length", "0"))
        body = reader.read(length if length < 2**30 else 0)  # who announces so much waits for a word first
        if self._flaw.request and body:
            try:
                changed = json.loads(body)
                self._flaw.request(changed)
                old, body = len(body), json.dumps(changed).encode()
                head = head.replace(f"Content-Length: {old}", f"Content-Length: {len(body)}")
            except (ValueError, TypeError, AttributeError):
                pass
        if self._flaw.head:
            head = self._flaw.head(head)
        upstream.send(head.encode("latin-1") + body)
        return head.partition(" ")[0]

    def _answer(self, method: str, client: socket.socket, upstream: Connection) -> bool:
        while not self._flaw.deaf and not upstream.readable(0.01):
            if select.select([client], [], [], 0)[0] and not client.recv(1, socket.MSG_PEEK):
                return False
        while (head := upstream.head(method)).status < 200:
            pass
        streams = "event-stream" in (head.header("content-type") or "")
        pieces = None if streams else list(upstream.pieces())
        head = head if pieces is None else replace(head, body=b"".join(pieces))
        if self._flaw.reply:
            head = self._flaw.reply(head)
        write = self._writer(client)
        coded = "transfer-encoding" not in {name.lower() for name, _ in head.headers}
        if pieces is not None and not coded:
            streams = True
            pieces = pieces if b"".join(pieces) == head.body else [head.body]
        write(_head_bytes(head, method) + (b"" if streams or method == "HEAD" else head.body))
        if streams:
            for piece in self._pieces(upstream) if pieces is None else pieces:
                write(piece if coded else b"%x\r\n%b\r\n" % (len(piece), piece))
            write(b"" if coded else b"0\r\n\r\n")
        return head.keeps_alive() and not self._flaw.curt and not (streams and coded)

    def _pieces(self, upstream: Connection) -> Any:
        if not self._flaw.events:
            return upstream.pieces()
        whole = b"".join(upstream.pieces())
        return self._flaw.events([event + b"\n\n" for event in whole.split(b"\n\n") if event])

    def _writer(self, client: socket.socket) -> Callable[[bytes], None]:
        if self._flaw.greedy:
            queue: SimpleQueue[bytes] = SimpleQueue()
            Thread(target=_pump, args=(queue, client), daemon=True).start()
            return queue.put
        if not self._flaw.deaf:
            return client.sendall

        def write(data: bytes) -> None:
            with suppress(OSError):
                client.sendall(data)

        return write


def _pump(queue: "SimpleQueue[bytes]", client: socket.socket) -> None:
    try:
        while True:
            client.sendall(queue.get())
    except OSError:
        return


def _head_bytes(head: Reply, method: str) -> bytes:
    headers = [(name, value) for name, value in head.headers if name.lower() != "content-length"]
    if head.header("content-length") and not head.header("transfer-encoding"):
        length = head.header("content-length") if method == "HEAD" else str(len(head.body))
        headers.append(("Content-Length", length or "0"))
    lines = [f"HTTP/1.1 {head.status} {head.reason}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


class Rude:
    """A server that gives the same bytes to whatever comes; no bytes: it hangs up."""

    def __init__(self, bytes_: bytes) -> None:
        self._bytes = bytes_
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        Thread(target=self._accept, daemon=True).start()
        return int(self._listener.getsockname()[1])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                client.settimeout(5)
                while client.recv(1_000_000) and self._bytes:
                    client.sendall(self._bytes)
            except OSError:
                return
