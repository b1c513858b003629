"""A constant upstream for the gateways: `python -m bench.upstream [--port N]`. It speaks as much HTTP as they do to it.

Answers are made once for each request body and then written from memory, so that the gateway is what is measured. The
model's name chooses how: `constant` writes each frame of a stream by itself, `-coalesced` all at once, `-10ms` after
10 ms, `-held` keeps the stream open after its first delta until somebody posts to /release. On asyncio's own
transports, because uvloop gathers the writes of one turn into one.
"""

import asyncio
import json
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from bench.baselines.common import EVENT_STREAM, arguments, listen

TEXT = "Sixteen deltas are what this constant upstream says to each caller who ever asks it anything."
DELTAS = re.findall(r"\s*\S+", TEXT)
USAGE = {"prompt_tokens": 8, "completion_tokens": len(DELTAS), "total_tokens": 8 + len(DELTAS)}
MODELS = ("constant", "constant-coalesced", "constant-10ms", "constant-60ms", "constant-held")
END = b"0\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    writes: tuple[bytes, ...]
    delay: float = 0.0  # seconds before the first byte
    held: int = 0  # how many writes go out at once; the rest waits for /release. 0: all


@lru_cache(maxsize=64)
def answer(target: bytes, body: bytes) -> Answer:
    if target.endswith(b"/models"):
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "bench"} for name in MODELS]
        return Answer((document({"object": "list", "data": models}),))
    asked = json.loads(body)
    model = asked["model"]
    delay = re.search(r"-(\d+)ms$", model)
    seconds = int(delay[1]) / 1000 if delay else 0.0
    if not asked.get("stream"):
        return Answer((document(completion(model)),), seconds)
    writes = tuple(stream(model, bool((asked.get("stream_options") or {}).get("include_usage"))))
    if model.endswith("-coalesced"):
        writes = (b"".join(writes),)
    return Answer(writes, seconds, held=3 if model.endswith("-held") else 0)


def document(content: dict[str, object]) -> bytes:
    body = json.dumps(content).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def completion(model: str) -> dict[str, object]:
    message = {"role": "assistant", "content": "".join(DELTAS), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {"object": "chat.completion", **same(model), "choices": [choice], "usage": USAGE}


def stream(model: str, include_usage: bool) -> list[bytes]:
    """The head of the reply and its chunks: the role, one a delta, the finish, the usage if asked for, `[DONE]`."""

    def frame(data: str) -> bytes:
        event = f"data: {data}\n\n".encode()
        return b"%x\r\n%s\r\n" % (len(event), event)

    def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if include_usage else {}
        return frame(json.dumps({"object": "chat.completion.chunk", **same(model), "choices": [choice], **usage}))

    head = f"HTTP/1.1 200 OK\r\nContent-Type: {EVENT_STREAM}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    frames = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": text}) for text in DELTAS)]
    frames.append(chunk({}, "stop"))
    if include_usage:
        last = {"object": "chat.completion.chunk", **same(model), "choices": [], "usage": USAGE}
        frames.append(frame(json.dumps(last)))
    return [head, *frames, frame("[DONE]") + END]


def same(model: str) -> dict[str, object]:
    return {"id": "chatcmpl-constant", "created": 1_800_000_000, "model": model, "system_fingerprint": "fp_constant"}


class Upstream(asyncio.Protocol):
    held: ClassVar[dict["Upstream", tuple[bytes, ...]]] = {}  # of all connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def connection_lost(self, exc: Exception | None) -> None:
        self.held.pop(self, None)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < size:
                return
            body, self.buffer = self.buffer[end + 4 : size], self.buffer[size:]
            self.respond(head.split(b" ", 2)[1], body)

    def respond(self, target: bytes, body: bytes) -> None:
        if target == b"/release":
            for upstream, rest in self.held.items():
                upstream.write(rest)
            self.held.clear()
            self.write((document({}),))
            return
        found = answer(target, body)
        if found.held:
            self.write(found.writes[: found.held])
            self.held[self] = found.writes[found.held :]
        elif found.delay:
            asyncio.get_running_loop().call_later(found.delay, self.write, found.writes)
        else:
            self.write(found.writes)

    def write(self, writes: tuple[bytes, ...]) -> None:
        for data in writes:
            self.transport.write(data)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, sock=listen(port), backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(arguments().parse_args().port))
    except KeyboardInterrupt:
        sys.exit(130)
