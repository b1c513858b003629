"""Times the servers against hand-written twins: `python -m bench.servers`.

One server at a time runs on one core and wrk on another, with 32 connections and two loads: one JSON reply, one
stream of 16 deltas. Rounds are interleaved (A B C A B C ...) and start each server afresh, so that a noisy minute or
a lucky memory layout falls on everybody. What counts is the ratio of medians within one run; requests per second
depend on the machine. A figure stands only if the server answers right before and after, and wrk saw no error and no
short reply.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.load import WARM_UP, Load, Unfit, ask, expect, ratio, running, table, two_cores, wrk

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


SAID = "Say these six words to me."
MESSAGES = [{"role": "user", "content": SAID}]
JSON = Load(json.dumps({"model": "scripted", "messages": MESSAGES}), SAID, 0)
STREAM = Load(
    json.dumps({"model": "scripted:tokens=16", "messages": MESSAGES, "stream": True}),
    " ".join((SAID.split() * 3)[:16]),
    16,
)


def check(body: str, load: Load) -> None:
    (check_stream if load.deltas else check_document)(body, load)


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


def measure(name: str, seconds: int, cores: Sequence[int]) -> tuple[float, float]:
    """One round of one server: its JSON replies and its streams per second."""
    server_core, wrk_core = cores
    command = [sys.executable, "-m", *SERVERS[name].split(), "--port", "0"]
    with running(name, command, server_core) as server:
        figures = []
        for load in (JSON, STREAM):
            length = ask(name, server.port, load, check)
            wrk(name, server.port, load, length, WARM_UP, wrk_core)
            figures.append(wrk(name, server.port, load, length, seconds, wrk_core).rate)
            ask(name, server.port, load, check)
    return figures[0], figures[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.servers", description="Time the servers against hand-written twins."
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of load for each figure (default 3)")
    parser.add_argument("--only", nargs="+", choices=SERVERS, metavar="NAME", help=f"of {', '.join(SERVERS)}")
    options = parser.parse_args()
    cores = two_cores()
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
