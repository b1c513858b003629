# An upstream that speaks HTTP/2, by Hypercorn: `http2_server.py CERTIFICATE`, until its input ends. It streams to
# everybody, to who says "hang" only the beginning, and tells at /v1/models what it has seen.
from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.providers.upstream.peer import EVENTS, delta

seen: dict[str, list[str]] = {"versions": [], "left": []}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event["body"], event["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["method"] == "GET":
        told = [{"id": f"{name}:{value}"} for name, values in seen.items() for value in values]
        await send({"type": "http.response.body", "body": json.dumps({"data": told}).encode()})
        return
    seen["versions"].append(scope["http_version"])
    if b"hang" in body:
        await send({"type": "http.response.body", "body": delta("Hé"), "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        seen["left"].append("one")
        return
    await send({"type": "http.response.body", "body": EVENTS})


async def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.certfile = config.keyfile = sys.argv[1]
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = config.errorlog = None
    print(listener.getsockname()[1], flush=True)

    async def over() -> None:
        await asyncio.to_thread(sys.stdin.read)

    await serve(app, config, shutdown_trigger=over)


asyncio.run(main())
