"""Times our server as a gateway against other gateways: `python -m bench.gateway`.

One gateway at a time runs on one core, in front of the constant upstream; wrk and the upstream share the other core.
Throughput: 32 connections, a JSON reply, a stream of 16 deltas that the upstream writes one by one, and the same in
one write. Latency: what a gateway adds to an upstream that takes 10 or 60 ms, with one connection and with 32.
Memory: 1,000 streams, held open after their first delta. Rounds are interleaved and start everything afresh.
"""

import argparse
import asyncio
import json
import os
import socket
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.gateways import GATEWAYS, install
from bench.load import CONNECTIONS, WARM_UP, Load, Server, Unfit, ask, expect, ratio, running, table, two_cores, wrk
from bench.streams import Memory, weigh
from bench.upstream import DELTAS, TEXT

DIRECT = "no gateway"  # the same loads straight to the upstream, on its core: what the others are held against
TARGETS = {"litellm": 15.0, "g4f": 10.0}  # times their replies per second
PARTS = ("throughput", "latency", "memory")
DELAYS = ("10ms", "60ms")
STREAMS = 1000
MESSAGES = [{"role": "user", "content": "Say something in sixteen deltas."}]


def load(model: str, deltas: int = 0) -> Load:
    return Load(json.dumps({"model": model, "messages": MESSAGES, "stream": deltas > 0}), TEXT, deltas)


THROUGHPUT = {
    "JSON": load("constant"),
    "streams": load("constant", len(DELTAS)),
    "streams in one write": load("constant-coalesced", len(DELTAS)),
}
LATENCY = {
    f"{delay}, {connections} at once": (load(f"constant-{delay}"), connections)
    for delay in DELAYS
    for connections in (1, CONNECTIONS)
}


def check(body: str, load: Load) -> None:
    """Is this the upstream's answer? Leaves the gateways their ways in all but the text, its deltas and its end."""
    if not load.deltas:
        choice = json.loads(body)["choices"][0]
        expect("text", choice["message"]["content"], load.text)
        expect("finish_reason", choice["finish_reason"], "stop")
        return
    *frames, done, rest = body.split("\n\n")
    expect("end", (done, rest), ("data: [DONE]", ""))
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    texts = [text for choice in choices if (text := choice["delta"].get("content"))]
    expect("text", "".join(texts), load.text)
    expect("deltas", len(texts), load.deltas)
    expect("finish_reason", {choice.get("finish_reason") for choice in choices}, {None, "stop"})


@contextmanager
def served(name: str, cores: Sequence[int]) -> Iterator[tuple[Server, Server]]:
    """Run the upstream and a gateway in front of it; gives the gateway and the upstream."""
    gateway_core, load_core = cores
    constant = [sys.executable, "-m", "bench.upstream"]
    with tempfile.TemporaryDirectory() as folder, running("the upstream", constant, load_core) as upstream:
        if name == DIRECT:
            yield upstream, upstream
            return
        gateway, port = GATEWAYS[name], free_port()
        command = gateway.command(f"http://127.0.0.1:{upstream.port}/v1", port, Path(folder))
        environ = {"HOME": folder, **gateway.environ}  # the rivals keep files there
        with running(name, command, gateway_core, port, environ) as server:
            yield server, upstream


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


Measured = dict[str, dict[str, list[float]]]  # what: gateway: a figure of each round


def throughput(name: str, port: int, seconds: int, core: int, rates: Measured) -> None:
    for what, load in THROUGHPUT.items():
        length = ask(name, port, load, check)
        wrk(name, port, load, length, WARM_UP, core)
        rates[what][name].append(wrk(name, port, load, length, seconds, core).rate)
        ask(name, port, load, check)


def latency(name: str, port: int, seconds: int, core: int, p50: Measured, p99: Measured) -> None:
    for what, (load, connections) in LATENCY.items():
        length = ask(name, port, load, check)
        wrk(name, port, load, length, WARM_UP, core, connections)
        figures = wrk(name, port, load, length, seconds, core, connections)
        ask(name, port, load, check)
        p50[what][name].append(figures.p50)
        p99[what][name].append(figures.p99)


def memory(name: str, cores: Sequence[int]) -> Memory:
    """Of a fresh process that has answered one stream."""
    with served(name, cores) as (gateway, upstream):
        ask(name, gateway.port, THROUGHPUT["streams"], check)
        return asyncio.run(weigh(name, gateway, upstream, STREAMS))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description="Time our server as a gateway.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of load for each figure (default 3)")
    parser.add_argument("--only", nargs="+", choices=GATEWAYS, metavar="NAME", help=f"of {', '.join(GATEWAYS)}")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure (default all)")
    options = parser.parse_args()
    cores = two_cores()
    _, load_core = cores
    os.sched_setaffinity(0, {load_core})  # the gateway's core is its own
    names = [DIRECT, *(options.only or GATEWAYS)]
    rates: Measured = defaultdict(lambda: defaultdict(list))
    p50: Measured = defaultdict(lambda: defaultdict(list))
    p99: Measured = defaultdict(lambda: defaultdict(list))
    try:
        for name in names[1:]:
            install(name)
        for number in range(options.rounds):
            for name in names:
                print(f"round {number + 1}: {name}", file=sys.stderr)
                with served(name, cores) as (gateway, _):
                    if "throughput" in options.parts:
                        throughput(name, gateway.port, options.seconds, load_core, rates)
                    if "latency" in options.parts:
                        latency(name, gateway.port, options.seconds, load_core, p50, p99)
        weights = {name: memory(name, cores) for name in names[1:]} if "memory" in options.parts else {}
    except Unfit as problem:
        sys.exit(f"bench: {problem}")
    report(names, rates, p50, p99, weights)


def report(names: Sequence[str], rates: Measured, p50: Measured, p99: Measured, weights: dict[str, Memory]) -> None:
    if rates:
        rows = [[name, *(f"{median(rates[what][name]):,.0f}" for what in rates)] for name in names]
        print(table(["per second", *rates], rows), end="\n\n")
        ratios = [
            [f"{ours} : {rival}", *(ratio(rates[what][ours], rates[what][rival], target) for what in rates)]
            for ours in names
            for rival, target in TARGETS.items()
            if ours.startswith("ours") and rival in names
        ]
        if ratios:
            print(table(["ratio of medians (range of the rounds), target", *rates], ratios), end="\n\n")
    if p50:
        rows = [[name, *(added(p50[what], p99[what], name) for what in p50)] for name in names[1:]]
        print(table(["added p50 / p99, ms", *p50], rows), end="\n\n")
    if weights:
        rows = [
            [
                name,
                str(weight.streams),
                *(f"{size / 2**20:,.0f} MiB" for size in (weight.before, weight.during)),
                f"{(weight.during - weight.before) / STREAMS / 2**10:,.1f} KiB",
            ]
            for name, weight in weights.items()
        ]
        print(table([f"of {STREAMS} streams", "open at once", "memory before", "with them", "each"], rows))


def added(p50: dict[str, list[float]], p99: dict[str, list[float]], name: str) -> str:
    """Medians of the rounds, less those without a gateway, in milliseconds."""
    return " / ".join(f"{(median(figure[name]) - median(figure[DIRECT])) * 1000:.2f}" for figure in (p50, p99))


if __name__ == "__main__":
    main()
