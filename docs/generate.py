# The reference pages, made from the code: a fact stands once, and a page that lags behind it fails `make check`.
from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import anyio

import g4f_proto
from backends.command import OPTIONS as SERVER_OPTIONS
from backends.settings import PROVIDERS, Settings
from g4f_proto import ACCEPTS, PARAMETERS, ROUTES, TRANSITIONS, ApiError, ProviderInfo, State, emulated
from providers import Provider
from providers.script import OPTIONS as SCRIPTED_OPTIONS

from .upstreams import upstreams

DOCS: Final = Path(__file__).parent
_NOTE: Final = "<!-- Made by `make docs`; edit the code it is made from. -->\n\n"


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *([str(cell) for cell in row] for row in rows)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def routes() -> str:
    rows = [(f"`{method}`", f"`{path}`", what) for method, path, _, what in ROUTES]
    return (
        "# Routes\n\n"
        + _NOTE
        + table(("method", "path", "what for"), rows)
        + "\nA `GET` may be a `HEAD`. `OPTIONS` is answered on every path and needs no key. `/v1` may be left out or "
        "doubled, slashes may be doubled or trail: nothing is ever redirected. `{model...}` may hold slashes. "
        "A known path with another method is a 405 with `Allow`; an unknown one is a 404 with code `unknown_url`.\n"
    )


def errors() -> str:
    kinds = [kind for kind in vars(g4f_proto).values() if isinstance(kind, type) and issubclass(kind, ApiError)]
    kinds = sorted((kind for kind in kinds if kind is not ApiError), key=lambda kind: (kind.status, kind.__name__))
    rows = [
        (kind.status, f"`{kind.type}`", f"`{kind.code}`" if kind.code else "see below", (kind.__doc__ or "").strip())
        for kind in kinds
    ]
    return (
        "# Errors\n\n"
        + _NOTE
        + 'Every refusal, on every route and method, is `{"error": {"message", "type", "param", "code"}}`; `param` is the '
        "path of the offending field (`messages[0].content`) or null. After the first byte of a stream an error is one "
        '`data: {"error": ...}` frame, then `data: [DONE]`, in a stream of speech without; bare sound and files break off. Two '
        "[other APIs](apis.md) have their own words: `/v1/messages` Anthropic's error object, and both name their events.\n\n"
        + table(("status", "type", "code", "when"), rows)
        + "\nCodes of a refused body (400, `invalid_request_error`), as recorded from OpenAI's API: `invalid_json`, "
        "`missing_required_parameter`, `invalid_type`, `invalid_value`, `empty_array`, `array_above_max_length`, "
        "`integer_below_min_value`, `integer_above_max_value`, `decimal_below_min_value`, `decimal_above_max_value`, "
        "`string_below_min_length`, `string_above_max_length`, `object_above_max_properties`, `property_name_above_max_length`, "
        "`unsupported_parameter`, `context_length_exceeded`, `conversation_too_long`, `invalid_schema`, and of images `invalid_image_format`, "
        "`image_parse_error`, `image_file_too_large`, `image_too_large`, `invalid_image`, `too_many_images`. What is no HTTP has code `invalid_http`.\n"
        "Of stored files: `file_not_found` (404), `precondition_failed` (412), `range_not_satisfiable` (416). Of uploads: "
        "`invalid_multipart` (400), `invalid_language_format` (400), `undecodable_audio` (422), `invalid_cookie_file` (422). "
        "Of providers, all 502: `provider_error` (this server has no access there), `invalid_answer` (no JSON, although it was asked "
        "for), `answer_replaced` (Copilot took back what it had said).\n"
    )


def states() -> str:
    lines = ["stateDiagram-v2", "    [*] --> RECEIVING"]
    lines += [f"    {a.name} --> {b.name}: {name}, {when.replace(':', ',')}" for a, name, b, when in TRANSITIONS]
    rows = [
        (f"`{state.name}`", state.value, ", ".join(f"`{name}`" for name in sorted(ACCEPTS[state]))) for state in State
    ]
    return (
        "# The states of an exchange\n\n"
        + _NOTE
        + table(("state", "means", "takes"), rows)
        + "\nAnything else is a driver's mistake and raises `LocalProtocolError`.\n\n```mermaid\n"
        + "\n".join(lines)
        + "\n```\n"
    )


def _chats(provider: Provider) -> bool:
    return provider.info.remote or any("chat" in model.kinds for model in anyio.run(provider.models))


def parameters() -> str:
    providers = {name: make() for name, make in PROVIDERS.items()}
    infos = {name: provider.info for name, provider in providers.items() if _chats(provider)}

    def who(info: ProviderInfo, name: str) -> str:
        return "yes" if name in info.native else "emulated" if emulated(info, name) else "refused"

    rows = [(f"`{name}`", *(who(info, name) for info in infos.values())) for name in PARAMETERS]
    parts = {"images as data URIs": "vision", "`input_audio` parts": "audio", "`file` parts": "files"}
    for what, native in parts.items():
        rows.append((what, *("yes" if native in info.native else "refused" for info in infos.values())))
    return (
        "# Parameters of a chat\n\n"
        + _NOTE
        + "A parameter is honoured by the provider, emulated by the machine in its place, or refused with 400 "
        "`unsupported_parameter`; it is never ignored. A value that asks for nothing (`n: 1`, `tools: []`, null) always "
        "passes, and so do names that are not in this table. `user`, `metadata`, `store`, `safety_identifier` and "
        "`prompt_cache_key` are checked as OpenAI checks them and passed on; they change no answer here: nothing is stored.\n\n"
        + table(("parameter", *infos), rows)
        + "\n* `stop` is emulated by holding back what could begin one, `n` by answers made side by side (seed, seed + 1, ...), "
        "tools by a JSON Schema that the provider is held to: one call an answer, its arguments always valid.\n"
        "* `conversation_id` keeps the history on the server, by key, provider and id; send only what is new. Without keys all "
        "callers share one set of ids. A turn that failed, or whose client left, is not kept.\n"
        "* Limits of tokens are emulated, and usage that a provider does not tell, or could not tell because it was stopped at an "
        "emulated `stop` or limit, is counted, with o200k_base where the extra "
        "`tokens` is installed (`pip install 'g4f-proto[tokens]'`), else with an **estimate**: a token for every four bytes of "
        "UTF-8, within a fifth in prose and code, half of what there is in JSON. Limits hold for thoughts and calls too. A "
        "provider that knows one of the two names of the limit is asked with that one. Images, sounds and files count nothing.\n"
        "* JSON of a provider that has no `response_format` is asked for in the prompt and judged: valid, in one piece, or 502 "
        "`invalid_answer`.\n"
        "* Without `stream_options` the last chunk of a stream tells the usage, as the G4F REST API shows it.\n"
    )


def scripted() -> str:
    rows = [(f"`{name}`", what) for name, what in SCRIPTED_OPTIONS.items()]
    return (
        "# The model `scripted`\n\n"
        + _NOTE
        + "For people who test their clients: it says the last user message back, one word a delta, always the same. Its "
        "tokens are deltas. With `tools` it calls one after a user's turn, with arguments that fit the schema, and says what "
        "tools returned; with `response_format` it answers with JSON that fits; an image it describes (format, size, dominant "
        "colour). Images it makes are PNGs of one colour, which prompt and seed decide; speech is a tone a word, as `wav` or `pcm`; of a recording it hears the file's name and size. Options follow a colon, separated by commas: `scripted:tokens=64,delay=20ms`. An option it does "
        "not know is a 400 that names it.\n\n" + table(("option", "what it does"), rows)
    )


def settings() -> str:
    rows = []
    for option in SERVER_OPTIONS:
        field = Settings.model_fields.get(option.name or "")
        variable = f"`G4F_{(option.name or '').upper()}`" if field else ""
        rows.append((f"`{option.opts[0]}`", variable, (option.help or "").replace("  [", " [")))
    return (
        "# Settings\n\n"
        + _NOTE
        + "For `g4f api` and `python -m backends.h11`, `.quart`, `.sanic`. The command line wins over the environment; a blank "
        "variable is one that is not set. `g4f api --backend quart`, or `sanic`, chooses [what listens](backends.md). The data folder "
        "is the user's own; `G4F_DATA_DIR` names another one.\n\n" + table(("option", "variable", "what it does"), rows)
    )


PAGES: Final = {
    "routes.md": routes,
    "errors.md": errors,
    "states.md": states,
    "parameters.md": parameters,
    "scripted.md": scripted,
    "settings.md": settings,
    "upstreams.md": lambda: upstreams(_NOTE, table),
}


def main() -> int:
    """Write the pages, or with ``--check`` only name those that lag behind."""
    stale = [name for name, make in PAGES.items() if not (DOCS / name).exists() or (DOCS / name).read_text() != make()]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{name} is not what the code says: run `make docs`")
        return len(stale)
    for name in stale:
        (DOCS / name).write_text(PAGES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
