"""The backends of this project as subprocesses: the one file of the suite that knows how to launch them.

A server is started on a free port with a key and a short keepalive, is waited for (its ready line on stderr), and is
ended with SIGTERM. How it ends is part of the judgement: exit code 0, and no traceback on stderr.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from threading import Thread

KEY = "sk-conformance"

SERVERS: dict[str, tuple[str, ...]] = {
    "h11-asyncio": ("backends.h11", "--loop", "asyncio"),
    "h11-trio": ("backends.h11", "--loop", "trio"),
    "quart": ("backends.quart",),
    "sanic": ("backends.sanic",),
}

_READY = re.compile(r"Listening on (http://\S+)")


@dataclass(slots=True)
class Server:
    """A running backend: its base URL, and the lines it has written to stderr so far."""

    url: str
    said: list[str]

    def traceback(self, since: int = 0) -> str:
        """What it wrote from line `since` on if a traceback is in it, else ""."""
        text = "".join(self.said[since:])
        return text if "Traceback" in text else ""


class ServerError(Exception):
    """A backend did not start, did not stop, or printed a traceback."""


@contextmanager
def running(name: str, *options: str, start: float = 20.0, stop: float = 10.0) -> Iterator[Server]:
    """Run one of `SERVERS` with more options; ends it with SIGTERM. `start`, `stop`: seconds allowed for each."""
    media = TemporaryDirectory(prefix="g4f-media-")
    command = [sys.executable, "-m", *SERVERS[name], "--port", "0", "--keepalive", "1", "--g4f-api-key", KEY, *options]
    command += ["--media-dir", media.name]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[1], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    lines: list[str] = []
    ready: SimpleQueue[str | None] = SimpleQueue()
    drain = Thread(target=_drain, args=(process, lines, ready), daemon=True)
    drain.start()
    try:
        try:
            url = ready.get(timeout=start)
        except Empty:
            url = None
        if url is None:
            raise ServerError(f"{name} did not get ready: {''.join(lines[-20:]) or 'nothing on stderr'}")
        server = Server(url, lines)
        yield server
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(stop)
        except subprocess.TimeoutExpired:
            raise ServerError(f"{name} still runs {stop:g} s after SIGTERM") from None
        drain.join(stop)
        if code or server.traceback():
            raise ServerError(f"{name} ended with code {code} and said:\n{''.join(lines)[-4000:]}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        media.cleanup()


def _drain(process: "subprocess.Popen[str]", lines: list[str], ready: "SimpleQueue[str | None]") -> None:
    """Read stderr to its end, so that the server never blocks on it; announce the URL, or None at the end."""
    assert process.stderr is not None
    with process.stderr as stderr:
        for line in stderr:
            lines.append(line)
            if match := _READY.search(line):
                ready.put(match[1])
    ready.put(None)
