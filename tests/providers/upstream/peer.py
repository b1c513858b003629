# A server that does what a test's script says: well-formed HTTP, and everything else.
from __future__ import annotations

import json
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketListener
from anyio.streams.tls import TLSListener

from g4f_proto import ChatCall, ChatRequest, ProviderEvent
from providers.upstream import OpenAICompatible, Timeouts, Upstream

KEY = "sk-verysecret-1234567890abcdef"


class Act(Enum):
    HANG = "until the client hangs up"
    CLOSE = "hang up"
    RESET = "hang up without a goodbye"


@dataclass
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Peer:
    """What the server saw."""

    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    gone: anyio.Event = field(default_factory=anyio.Event)  # a client hung up while the script waited for that

    def upstream(self, **fields: Any) -> Upstream:
        key = fields.pop("key", None)
        return Upstream(
            **{
                "name": "Mine",
                "label": "Mine",
                "base_url": f"http://127.0.0.1:{self.port}/v1",
                "timeouts": Timeouts(connect=5, first=5, between=5),
                "key": key,
                **fields,
            }
        )


Step = bytes | Act | float | Callable[[], Any]


@asynccontextmanager
async def serving(
    *scripts: list[Step], tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncGenerator[Peer, None]:
    """Each request is answered by the next script, all further ones by the last."""
    peer = Peer()

    async def handle(stream: ByteStream) -> None:
        peer.connections += 1
        async with stream:
            while True:
                try:
                    received = await _read(stream)
                    if received is None:
                        return
                    peer.requests.append(received)
                    script = scripts[min(len(peer.requests), len(scripts)) - 1]
                    for step in script:
                        if await _play(stream, step, peer):
                            return
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    peer.gone.set()
                    return

    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    peer.port = listener.getsockname()[1]
    listener.setblocking(False)
    server: Any = await SocketListener.from_socket(listener)
    if tls is not None:
        server = TLSListener(server, tls, standard_compatible=False)
    async with server, anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, handle, tasks)
        yield peer
        await anyio.wait_all_tasks_blocked()  # a connection whose task never began would be closed by nobody
        tasks.cancel_scope.cancel()


async def _play(stream: ByteStream, step: Step, peer: Peer) -> bool:
    """Whether the connection is over."""
    if isinstance(step, bytes):
        await stream.send(step)
    elif isinstance(step, float):
        await anyio.sleep(step)
    elif step is Act.HANG:
        with suppress(anyio.EndOfStream):
            await stream.receive()
        peer.gone.set()
        return True
    elif step is Act.RESET:
        raw = stream.extra(SocketAttribute.raw_socket)  # type: ignore[call-overload]
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return True
    elif step is Act.CLOSE:
        return True
    else:
        step()
    return False


async def _read(stream: ByteStream) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            data += await stream.receive()
        except anyio.EndOfStream:
            return None
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += await stream.receive()
    return Received(method, path, headers, body)


def reply(body: bytes, *headers: str, status: int = 200, type: str = "application/json") -> bytes:
    """A whole reply."""
    head = [f"HTTP/1.1 {status} Status", f"content-type: {type}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def head(*headers: str, type: str = "text/event-stream") -> bytes:
    """The head of a stream, its body in chunks."""
    lines = ["HTTP/1.1 200 OK", f"content-type: {type}", "transfer-encoding: chunked", *headers, "", ""]
    return "\r\n".join(lines).encode()


def chunked(data: bytes, size: int | None = None) -> bytes:
    """`data` in HTTP chunks of `size` bytes."""
    size = size or len(data)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


END = b"0\r\n\r\n"


def delta(content: str | None = None, *, finish: str | None = None, **fields: object) -> bytes:
    """One event of a chat's stream."""
    choice = {"index": 0, "delta": {} if content is None else {"content": content}, "finish_reason": finish}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice], **fields}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
DONE = b"data: [DONE]\n\n"
EVENTS = delta("Hé") + delta(" ж😀") + delta(finish="stop") + delta(usage=USAGE) + DONE
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hé ж😀"}, "finish_reason": "stop"}],
    "usage": USAGE,
}


def chat(**fields: Any) -> ChatCall:
    """A call for the model `m`, a stream unless it says otherwise."""
    body = {"model": "Mine:m", "messages": [{"role": "user", "content": "x"}], "stream": True, **fields}
    return ChatCall(provider="Mine", model="m", request=ChatRequest.model_validate(body), body=body)


async def collect(provider: OpenAICompatible, call: ChatCall) -> list[ProviderEvent]:
    return [event async for event in provider.stream(call)]
