"""Memory of a gateway that holds many streams open: they are opened, counted, weighed, released and read to the end."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from bench.load import PATH, Server, Unfit
from bench.upstream import DELTAS

PATIENCE = 20  # seconds for all streams to bring their first delta, and for all that did to end
BODY = json.dumps({"model": "constant-held", "messages": [{"role": "user", "content": "Hold."}], "stream": True})


@dataclass(frozen=True)
class Memory:
    """Resident bytes of the gateway before, and while `streams` of those asked for had brought their first delta."""

    before: int
    during: int
    streams: int


async def weigh(name: str, gateway: Server, upstream: Server, count: int) -> Memory:
    before = resident(gateway.pid)
    streams = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(count)]
    for _, writer in streams:
        writer.write(request(PATH, BODY))
    begun = await told([reader for reader, _ in streams], DELTAS[0])
    during = resident(gateway.pid)
    _, release = await asyncio.open_connection("127.0.0.1", upstream.port)
    release.write(request("/release", "{}"))
    ended = await told(begun, "[DONE]")
    for _, writer in [*streams, (None, release)]:
        writer.close()
    if not begun or len(ended) < len(begun):
        raise Unfit(f"{name} began {len(begun)} of {count} streams and ended {len(ended)}")
    return Memory(before, during, len(begun))


async def told(readers: list[asyncio.StreamReader], text: str) -> list[asyncio.StreamReader]:
    """Those of the readers that have read the text in time."""
    tasks = [asyncio.create_task(reader.readuntil(text.encode())) for reader in readers]
    await asyncio.wait(tasks, timeout=PATIENCE)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return [
        reader for reader, task in zip(readers, tasks, strict=True) if not task.cancelled() and not task.exception()
    ]


def request(path: str, body: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def resident(pid: int) -> int:
    """Bytes a process has in memory: VmRSS, which proc_pid_status(5) counts in kB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))
