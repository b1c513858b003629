# The page of the upstreams: who is known, how one is added, what their errors and misbehaviour become.
from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Final

from providers.upstream import EVERYTHING, UPSTREAMS
from providers.upstream.config import Entry
from providers.upstream.errors import refused
from providers.upstream.table import Known
from providers.upstream.upstream import Timeouts

Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]

_EXAMPLE: Final = """\
```toml
# g4f api --config g4f.toml
[providers.mine]
base_url = "https://llm.example/v1"
api_key_env = "MINE_KEY"

[providers.OpenAI]                    # one of the table: only what differs
models = ["gpt-4o-mini", "text-embedding-3-small"]

[providers.Ollama]                    # there because it is named
```
"""
_MISBEHAVIOUR: Final = (
    ("one byte at a time, UTF-8 split, CR, LF or CRLF, a BOM, comments, `event:`, `id:`, `retry:`", "read"),
    ("gzip or deflate that nobody asked for", "read"),
    ("a line of 10 MB", "read; 32 MiB are the limit of an event, 64 MiB of a document, then 502"),
    ("another `Content-Type` than what is sent", "read: what begins with `{` is a document, all else a stream"),
    ("a document where a stream was asked for, and the other way round", "read"),
    ("no `[DONE]`, but a `finish_reason` for each choice", "a whole answer"),
    ("no `[DONE]` and no `finish_reason`, a body cut short, a reset", "502, in a stream an error behind what was said"),
    ("`[DONE]`, and a connection that stays open or breaks", "a whole answer"),
    ("an error object with status 200, or in a stream", "the status of its `code` or `type`, else 502"),
    ("a redirect", "502: it would carry the key elsewhere"),
    ("nothing: refused, no such host, a certificate nobody vouches for", "502"),
    ("no HTTP, a head over 64 KiB, another packing than gzip and deflate, no JSON", "502"),
    ("silence", "504, see timeouts below"),
    ("an idle connection closed under a request", "tried once more on another; nothing else is retried"),
    ("a client that leaves", "its connection to the upstream is closed at once"),
)


def _row(known: Known) -> tuple[str, ...]:
    upstream = known.upstream
    called = [f"`{name}`" for name in (known.key, known.place) if name]
    if known.named:
        called.append("and its name in the config file")
    lacks = sorted(EVERYTHING - upstream.native - {"background", "output_compression", "quality", "style"})
    return (
        f"`{upstream.name}`",
        f"[{upstream.label}]({upstream.url})",
        " ".join(called) or "its name in the config file",
        f"`{upstream.base_url}`" if upstream.base_url else f"`{known.place}`{known.path}",
        ", ".join(f"`{name}`" for name in lacks) or "nothing",
    )


def _refusal(status: int) -> tuple[object, ...]:
    body = json.dumps({"error": {"message": "x", "param": "p", "code": "c"}}).encode()
    error = refused(status, {}, body, secrets=())
    return (status, error.status, f"`{error.type}`", f"`{error.code}`" if error.code != "c" else "its own",
            "its own" if error.message == "x" else error.message)  # fmt: skip


def upstreams(note: str, table: Table) -> str:
    """The page."""
    waits = Timeouts()
    keys = [(f"`{name}`", field.description) for name, field in Entry.model_fields.items()]
    return (
        "# Upstreams\n\n"
        + note
        + "A provider elsewhere, in a data centre or on this machine, that speaks OpenAI's API or Anthropic's; two speak "
        "[their own](services.md). One of the table is there when "
        "the variable with its key is set (Azure: key and address), or the variable with its address (`OLLAMA_HOST`), or when "
        "the config file names it. `GITHUB_TOKEN` and `HF_TOKEN` stand in many environments for other reasons, so these two "
        "must be named. Nothing is asked of an upstream before somebody asks for it: a server starts without a network.\n\n"
        "Upstreams stand before the embedded providers, those of the config file first. `Provider:model`, `provider` in the "
        "body or in the path choose one; without a choice the first that lists the model answers. `--ignored-providers` "
        "leaves one out.\n\n"
        + table(("name", "who", "there with", "base URL", "lacks"), map(_row, UPSTREAMS))
        + "\nWhat an upstream lacks is emulated where that is honest and refused elsewhere, see [parameters](parameters.md). "
        "Azure's models are the names of your deployments: say them in `models`. With `OPENAI_API_VERSION` its older API is "
        "spoken. Parameters that nobody knows pass.\n\n"
        "## The config file\n\n"
        + _EXAMPLE
        + "\nA key that is not known, or a value of the wrong type, keeps the server from starting, with file, line and key.\n\n"
        + table(("key of `[providers.NAME]`", "what it says"), keys)
        + "\n`--proxy` is for all upstreams but those on this machine, `--request-proxy` lets each request choose one (`proxy` in the body). Proxies and "
        "HTTP/2 need the extra `proxy`. Variables like `HTTPS_PROXY` are not read.\n\n"
        "## What its errors become\n\n"
        + table(
            ("it answers", "status", "type", "code", "message"),
            map(_refusal, (400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 503, 504, 529)),
        )
        + "\nA 404 without an error object is a 502: the address is wrong, not the model. `Retry-After` and `retry-after-ms` "
        "of a 429, 503 or 529 are passed on, and `x-should-retry` of a 429. Its own words are cut after 1000 characters, and keys and hosts are taken out of "
        "them; the body itself, keys, hosts and headers are told to nobody, and keys are in no log.\n\n"
        "## What it may do\n\n"
        + table(("it sends", "outcome"), _MISBEHAVIOUR)
        + f"\nTimeouts, in seconds: {waits.connect:g} to connect; {waits.first:g} to the first event of a stream; "
        f"{waits.between:g} from one event to the next, comments are none. A document has all the time there is: `--timeout`, "
        "or less if the request says so.\n\n"
        "A stream is asked for when the client wants one, with its usage; else a document, which costs less. An upstream that "
        "tells no usage is found out by its first answer, whose usage is null; from then on its tokens are counted here. Embeddings, "
        "images, speech (as it is made) and transcripts (with their times, where the model tells them) go the same way; "
        "legacy completions go to `/completions` where there is one, else each prompt becomes a chat.\n"
    )
