"""Times the servers against hand-written twins: `python -m bench.servers`.

One server at a time runs on one core and wrk on another, with 32 connections and two loads: one JSON reply, one
stream of 16 deltas. Rounds are interleaved (A B C A B C ...) and start each server afresh, so that a noisy minute or
a lucky memory layout falls on everybody. What counts is the ratio of medians within one run; requests per second
depend on the machine. A figure stands only if the server answers right before and after, and wrk saw no error and no
short reply.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PATH = "/v1/chat/completions"
HEADERS = {"Content-Type": "application/json"}
CONNECTIONS = 32
WARM_UP = 1  # seconds of load before each figure
START, STOP = 20, 10  # seconds a server may take

# name: arguments of `python -m`
SERVERS = {
    "h11-asyncio": "backends.h11 --loop asyncio",
    "h11-uvloop": "backends.h11 --loop uvloop",
    "h11-trio": "backends.h11 --loop trio",
    "quart": "backends.quart --loop asyncio",
    "sanic": "backends.sanic --loop uvloop",
    "bare-h11-asyncio": "bench.baselines.bare_h11 --loop asyncio",
    "bare-h11-uvloop": "bench.baselines.bare_h11 --loop uvloop",
    "bare-h11-trio": "bench.baselines.bare_h11 --loop trio",
    "bare-quart": "bench.baselines.bare_quart",
    "bare-sanic": "bench.baselines.bare_sanic",
    "fastapi-h11-asyncio": "bench.baselines.fastapi_uvicorn --http h11 --loop asyncio",
    "fastapi-h11-uvloop": "bench.baselines.fastapi_uvicorn --http h11 --loop uvloop",
    "fastapi-httptools-asyncio": "bench.baselines.fastapi_uvicorn --http httptools --loop asyncio",
    "fastapi-httptools-uvloop": "bench.baselines.fastapi_uvicorn --http httptools --loop uvloop",
}


@dataclass(frozen=True)
class Comparison:
    """`ours` must reach `json` and `stream` times the requests per second of `rival`."""

    ours: str
    rival: str
    json: float
    stream: float


COMPARISONS = [
    *(Comparison(name, f"bare-{name}", json=0.7, stream=1.5) for name in SERVERS if f"bare-{name}" in SERVERS),
    *(
        Comparison(f"h11-{loop}", f"fastapi-{parser}-{loop}", json=1.0, stream=2.0)
        for loop in ("asyncio", "uvloop")
        for parser in ("h11", "httptools")
    ),
]


@dataclass(frozen=True)
class Load:
    body: str
    text: str
    deltas: int  # 0: one JSON document


SAID = "Say these six words to me."
MESSAGES = [{"role": "user", "content": SAID}]
JSON = Load(json.dumps({"model": "scripted", "messages": MESSAGES}), SAID, 0)
STREAM = Load(
    json.dumps({"model": "scripted:tokens=16", "messages": MESSAGES, "stream": True}),
    " ".join((SAID.split() * 3)[:16]),
    16,
)


class Unfit(Exception):
    """A server that does not start, or does not answer as it should: its figures would mean nothing."""


@contextmanager
def running(name: str, core: int) -> Iterator[int]:
    """Run a server pinned to a core; gives its port."""
    with tempfile.TemporaryFile("w+") as log:
        command = ["taskset", "-c", str(core), sys.executable, "-m", *SERVERS[name].split(), "--port", "0"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        try:
            deadline = time.monotonic() + START
            while not (ready := re.search(r"Listening on http://127\.0\.0\.1:(\d+)\n", said(log.fileno()))):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Unfit(f"{name} did not start:\n{said(log.fileno())[-2000:]}")
                time.sleep(0.05)
            yield int(ready[1])
        finally:
            process.terminate()
            try:
                process.wait(STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def said(log: int) -> str:
    return os.pread(log, 1 << 20, 0).decode(errors="replace")


def verify(name: str, port: int, load: Load) -> int:
    """Send the request of the load once; gives the length of the reply's body in bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START)
    connection.request("POST", PATH, load.body, HEADERS)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    try:
        if response.status != 200:
            raise ValueError(f"status {response.status}")
        check = check_stream if load.deltas else check_document
        check(body.decode(), load)
    except (ValueError, LookupError, TypeError) as problem:
        raise Unfit(
            f"{name} answers wrong ({type(problem).__name__}: {problem}):\n{body.decode(errors='replace')}"
        ) from None
    return len(body)


def check_document(body: str, load: Load) -> None:
    document = json.loads(body)
    choice = document["choices"][0]
    expect("text", choice["message"]["content"], load.text)
    expect("finish_reason", choice["finish_reason"], "stop")
    expect("completion_tokens", document["usage"]["completion_tokens"], len(load.text.split()))


def check_stream(body: str, load: Load) -> None:
    *frames, done, rest = body.split("\n\n")
    expect("end", (done, rest), ("data: [DONE]", ""))
    first, *chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames]
    expect("role", first["choices"][0]["delta"]["role"], "assistant")
    expect("finish_reason", chunks[-1]["choices"][0]["finish_reason"], "stop")
    expect("completion_tokens", chunks[-1]["usage"]["completion_tokens"], load.deltas)
    texts = [chunk["choices"][0]["delta"]["content"] for chunk in chunks[:-1]]
    expect("text", "".join(texts), load.text)
    expect("deltas", len(texts), load.deltas)


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
  io.write(string.format("RESULT %%d %%d %%d %%d\\n", summary.requests, summary.duration, summary.bytes, errors))
end
"""


def wrk(name: str, port: int, load: Load, length: int, seconds: int, core: int) -> float:
    """Requests per second, from as many connections as CONNECTIONS, each sending when it has its reply."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "load.lua")
        script.write_text(WRK_SCRIPT % load.body)
        command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"-s{script}"]
        report = subprocess.run(
            [*command, f"http://127.0.0.1:{port}{PATH}"], capture_output=True, text=True, check=True
        ).stdout
    result = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", report)
    if result is None:
        raise Unfit(f"wrk told no result on {name}:\n{report}")
    requests, microseconds, received, errors = map(int, result.groups())
    if errors or received < requests * length:
        raise Unfit(
            f"{name} failed under load ({errors} errors, {received} bytes in {requests} replies of {length}):\n{report}"
        )
    return requests / microseconds * 1e6


def measure(name: str, seconds: int, cores: Sequence[int]) -> tuple[float, float]:
    """One round of one server: its JSON replies and its streams per second."""
    server_core, wrk_core = cores
    with running(name, server_core) as port:
        figures = []
        for load in (JSON, STREAM):
            length = verify(name, port, load)
            wrk(name, port, load, length, WARM_UP, wrk_core)
            figures.append(wrk(name, port, load, length, seconds, wrk_core))
            verify(name, port, load)
    return figures[0], figures[1]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * 1 + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def ratio(ours: Sequence[float], rival: Sequence[float], budget: float) -> str:
    """Ratio of medians, the range of the rounds' own ratios, and how it stands to the budget."""
    value = median(ours) / median(rival)
    rounds = sorted(a / b for a, b in zip(ours, rival, strict=True))
    return f"{value:.2f} ({rounds[0]:.2f}–{rounds[-1]:.2f}), {'≥' if value >= budget else '**missed**'} {budget}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.servers", description="Time the servers against hand-written twins."
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of load for each figure (default 3)")
    parser.add_argument("--only", nargs="+", choices=SERVERS, metavar="NAME", help=f"of {', '.join(SERVERS)}")
    options = parser.parse_args()
    for tool, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(tool) is None:
            sys.exit(f"bench: {tool} is missing: apt-get install {package}")
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("bench: two cores are needed, one for the server and one for wrk")

    wanted = set(options.only or SERVERS)
    wanted |= {pair.rival for pair in COMPARISONS if pair.ours in wanted}
    names = [name for name in SERVERS if name in wanted]
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    try:
        for number in range(options.rounds):
            for name in names:
                figures[name].append(measure(name, options.seconds, cores))
                replies, streams = figures[name][-1]
                print(
                    f"round {number + 1}: {name}: {replies:,.0f} replies/s, {streams:,.0f} streams/s", file=sys.stderr
                )
    except Unfit as problem:
        sys.exit(f"bench: {problem}")
    report(figures)


def report(figures: dict[str, list[tuple[float, float]]]) -> None:
    json_rates = {name: [json for json, _ in rounds] for name, rounds in figures.items()}
    stream_rates = {name: [stream for _, stream in rounds] for name, rounds in figures.items()}
    rates = [[name, f"{median(json_rates[name]):,.0f}", f"{median(stream_rates[name]):,.0f}"] for name in figures]
    print(table(["server", "JSON replies/s", "streams of 16 deltas/s"], rates), end="\n\n")
    ratios = [
        [
            f"{pair.ours} : {pair.rival}",
            ratio(json_rates[pair.ours], json_rates[pair.rival], pair.json),
            ratio(stream_rates[pair.ours], stream_rates[pair.rival], pair.stream),
        ]
        for pair in COMPARISONS
        if pair.ours in figures
    ]
    if ratios:
        print(table(["ratio of medians (range of the rounds), budget", "JSON", "streams"], ratios))


if __name__ == "__main__":
    main()
