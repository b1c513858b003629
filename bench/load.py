"""What the benches share: servers on one core, wrk on another, and ratios of medians in interleaved rounds.

A figure stands only if the server answers right before and after, and wrk saw no error and no short reply.
"""

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PATH = "/v1/chat/completions"
HEADERS = {"Content-Type": "application/json"}
CONNECTIONS = 32
WARM_UP = 1  # seconds of load before each figure
START, STOP = 60, 10  # seconds a server may take; LiteLLM's proxy needs 10 on an idle core


class Unfit(Exception):
    """A server that does not start, or does not answer as it should: its figures would mean nothing."""


@dataclass(frozen=True)
class Load:
    body: str
    text: str
    deltas: int  # 0: one JSON document


@dataclass(frozen=True)
class Figures:
    """What wrk measured: replies per second, and the seconds half and 99 in 100 of them took at most."""

    rate: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Server:
    port: int
    pid: int


def two_cores() -> tuple[int, int]:
    """The core for the server and the core for everything else; ends the program if something needed is missing."""
    for tool, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(tool) is None:
            sys.exit(f"bench: {tool} is missing: apt-get install {package}")
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("bench: two cores are needed, one for the server and one for wrk")
    return cores[0], cores[1]


@contextmanager
def running(
    name: str,
    command: Sequence[str | Path],
    core: int,
    port: int | None = None,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run a server pinned to a core. It is ready when it says on which port it listens, or can be reached on `port`."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, **(environ or {})},
        )
        try:
            deadline = time.monotonic() + START
            while not (found := port if port and reachable(port) else told_port(log.fileno())):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Unfit(f"{name} did not start:\n{said(log.fileno())[-2000:]}")
                time.sleep(0.05)
            yield Server(found, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def reachable(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def told_port(log: int) -> int | None:
    listening = re.search(r"Listening on http://127\.0\.0\.1:(\d+)\n", said(log))
    return int(listening[1]) if listening else None


def said(log: int) -> str:
    return os.pread(log, 1 << 20, 0).decode(errors="replace")


def ask(name: str, port: int, load: Load, check: Callable[[str, Load], None]) -> int:
    """Send the request of the load once and check the reply's body; gives its length in bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START)
    try:
        connection.request("POST", PATH, load.body, HEADERS)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as problem:
        raise Unfit(f"{name} does not answer: {problem!r}") from None
    finally:
        connection.close()
    try:
        if response.status != 200:
            raise ValueError(f"status {response.status}")
        check(body.decode(), load)
    except (ValueError, LookupError, TypeError) as problem:
        raise Unfit(
            f"{name} answers wrong ({type(problem).__name__}: {problem}):\n{body.decode(errors='replace')}"
        ) from None
    return len(body)


def expect(what: str, seen: object, wanted: object) -> None:
    if seen != wanted:
        raise ValueError(f"{what} is {seen!r}, not {wanted!r}")


WRK_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[%s]==]
function done(summary, latency, requests)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("RESULT %%d %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    summary.bytes, errors, latency:percentile(50), latency:percentile(99)))
end
"""


def wrk(
    name: str, port: int, load: Load, length: int, seconds: int, core: int, connections: int = CONNECTIONS
) -> Figures:
    """Load from so many connections, each sending its next request when it has the reply to the last."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "load.lua")
        script.write_text(WRK_SCRIPT % load.body)
        command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"-s{script}"]
        report = subprocess.run(
            [*command, f"http://127.0.0.1:{port}{PATH}"], capture_output=True, text=True, check=True
        ).stdout
    result = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", report)
    if result is None:
        raise Unfit(f"wrk told no result on {name}:\n{report}")
    requests, microseconds, received, errors, p50, p99 = map(int, result.groups())
    if errors or received < requests * length:
        raise Unfit(
            f"{name} failed under load ({errors} errors, {received} bytes in {requests} replies of {length}):\n{report}"
        )
    return Figures(requests / microseconds * 1e6, p50 / 1e6, p99 / 1e6)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * 1 + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def ratio(ours: Sequence[float], rival: Sequence[float], budget: float) -> str:
    """Ratio of medians, the range of the rounds' own ratios, and how it stands to the budget."""
    value = median(ours) / median(rival)
    rounds = sorted(a / b for a, b in zip(ours, rival, strict=True))
    return f"{value:.2f} ({rounds[0]:.2f}–{rounds[-1]:.2f}), {'≥' if value >= budget else '**missed**'} {budget}"
