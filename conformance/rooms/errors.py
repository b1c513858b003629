"""Requests that are wrong: the status, and OpenAI's error object with its param and code, every time.

The codes are those api.openai.com answers with (openai/codex#6934: missing_required_parameter; LibreChat#3111:
invalid_type; decimal_above_max_value and its kin from SDK tracebacks). Messages are never compared.
"""

import json

from conformance import shapes
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import show
from conformance.message import Gone, Reply, Silent
from conformance.target import CHAT, OMIT, SCRIPTED, Target, completed, json_of

SPEC = "https://github.com/openai/openai-openapi CreateChatCompletionRequest"
OBJECT = "https://github.com/openai/openai-openapi ErrorResponse: {error: {message, type, param, code}}"
JSON = "https://www.rfc-editor.org/rfc/rfc8259"


def refuses(target: Target, bodies: dict[str, bytes]) -> None:
    """Each of these bodies is answered with 400 and an error object."""
    wrong = []
    for name, body in bodies.items():
        try:
            shapes.error(target.post(CHAT, body), 400)
        except (Failed, Gone, Silent) as failed:
            wrong.append(f"{name}: {failed}")
    fail_if(wrong)


def blames(target: Target, param: str, code: str, **fields: object) -> None:
    """The request with these fields is a 400 that names the parameter and the code."""
    try:
        shapes.error(target.chat_reply(**fields), 400, param=param, code=code)
    except Failed as failed:
        raise Failed(f"{show(fields, 60)}: {failed}") from None


@case(
    "errors.malformed-json",
    rule=f"{OBJECT}; we could not parse the JSON body: ChatGPTNextWeb/NextChat#4064",
    complaint=17,
)
def malformed_json(target: Target) -> None:
    """FastAPI answers 422 {"detail"}, others 500: clients show "None" instead of the reason."""
    whole = target.body()
    bodies = {"cut": whole[:-5], "empty": b"", "blank": b" \n", "words": b"hello", "trailing": whole + b"}"}
    refuses(target, bodies | {"single quotes": b"{'model': 'x'}", "NaN": whole[:-1] + b', "top_p": NaN}'})


@case("errors.not-an-object", rule=SPEC, complaint=17)
def not_an_object(target: Target) -> None:
    """A JSON array or a string is well-formed, and still no request; LiteLLM 1.109 answers 500."""
    refuses(target, {text: text.encode() for text in ("[]", "[1]", '"text"', "1", "null", "true")})


@case("errors.invalid-utf8", rule=f"{JSON}#section-8.1: MUST be encoded using UTF-8", complaint=17)
def invalid_utf8(target: Target) -> None:
    """Latin-1 from an old shell is common; it must not be a 500, nor be guessed at."""
    whole = target.body(messages=[{"role": "user", "content": "caf@"}])
    refuses(target, {"latin-1": whole.replace(b"@", b"\xe9"), "cut sequence": whole.replace(b"@", b"\xf0\x9f\x98")})


@case(
    "errors.lone-surrogate",
    rule=f"{JSON}#section-8.2: unpaired surrogates are allowed by the grammar, behaviour unpredictable",
)
def lone_surrogate(target: Target) -> None:
    """Clients cut emoji in half; taken or refused, but never a 500 from an encoder."""
    whole = target.body(messages=[{"role": "user", "content": "a @ b"}])
    reply = target.post(CHAT, whole.replace(b"@", b"\\ud83d"))
    if reply.status != 400:
        completed(reply)
    else:
        shapes.error(reply, 400)


@case("errors.missing-model", rule=f"{SPEC}: required", complaint=17)
def missing_model(target: Target) -> None:
    """The first mistake of every new user; the answer must name the field."""
    reply = target.chat_reply(model=OMIT)
    if "scripted" in target.has:
        shapes.error(reply, 400, param="model", code="missing_required_parameter")
        return
    if reply.status == 200:
        raise NotApplicable("the server has a default model")
    shapes.error(reply, 400)


@case("errors.missing-messages", rule=f"{SPEC}: required", complaint=17)
def missing_messages(target: Target) -> None:
    """Clients branch on code and param, never on the sentence."""
    blames(target, "messages", "missing_required_parameter", messages=OMIT)


@case("errors.message-types", rule=f"{SPEC}.messages; danny-avila/LibreChat#3111", complaint=17)
def message_types(target: Target) -> None:
    """The path of the wrong element is what the user needs to find it."""
    hello = {"role": "user", "content": "hi"}
    for messages, param, code in (
        ("hi", "messages", "invalid_type"),
        (["hi"], "messages[0]", "invalid_type"),
        ([{"role": "user", "content": 5}], "messages[0].content", "invalid_type"),
        ([hello, {"role": "user", "content": {"a": 1}}], "messages[1].content", "invalid_type"),
        ([{"content": "hi"}], "messages[0].role", "missing_required_parameter"),
        ([{"role": "banana", "content": "hi"}], "messages[0].role", "invalid_value"),
    ):
        blames(target, param, code, messages=messages)


@case("errors.no-messages", rule=f"{SPEC}.messages: minItems 1", complaint=17)
def no_messages(target: Target) -> None:
    """An empty conversation answered with 200 hides the client's bug."""
    try:
        shapes.error(target.chat_reply(messages=[]), 400, param="messages")
    except Failed as failed:
        raise Failed(f"messages=[]: {failed}") from None


@case("errors.option-types", rule=SPEC, complaint=(7, 17))
def option_types(target: Target) -> None:
    """ "temperature": "0.5" is a bug in the client which 200 would hide."""
    for name, value in (
        ("temperature", "hot"),
        ("top_p", []),
        ("max_tokens", "many"),
        ("max_tokens", 1.5),
        ("stream", "yes"),
        ("stop", 5),
        ("n", "two"),
        ("stream_options", "usage"),
        ("model", 5),
    ):
        blames(target, name, "invalid_type", **{name: value})


@case("errors.newer-options", rule=SPEC, needs=("scripted",), complaint=(6, 7, 17))
def newer_options(target: Target) -> None:
    """Accepted with any value they seem to work: each has its type, and a server that lacks one says so."""
    ranges(
        target,
        ("reasoning_effort", "extreme", "invalid_value"),
        ("reasoning_effort", 5, "invalid_value"),
        ("verbosity", "chatty", "invalid_value"),
        ("modalities", "text", "invalid_type"),
        ("prediction", "x", "invalid_type"),
        ("service_tier", 1, "invalid_value"),
        ("store", "yes", "invalid_type"),
        ("user", 5, "invalid_type"),
        ("safety_identifier", "x" * 65, "string_above_max_length"),
        ("metadata", {f"k{number}": "v" for number in range(17)}, "object_above_max_properties"),
        ("verbosity", "low", "unsupported_parameter"),
        ("web_search_options", {}, "unsupported_parameter"),
    )


def ranges(target: Target, *entries: tuple[str, object, str]) -> None:
    wrong = []
    for name, value, code in entries:
        try:
            blames(target, name, code, **{name: value})
        except Failed as failed:
            wrong.append(str(failed))
    fail_if(wrong)


@case("errors.range-temperature", rule=f"{SPEC}: temperature 0..2, top_p 0..1", complaint=(7, 17))
def range_temperature(target: Target) -> None:
    """g4f 8.8 and LiteLLM accept 99: the user debugs the model instead of the request."""
    low, high = "decimal_below_min_value", "decimal_above_max_value"
    ranges(target, ("temperature", -1, low), ("temperature", 2.5, high), ("top_p", -0.1, low), ("top_p", 1.5, high))


@case("errors.range-penalties", rule=f"{SPEC}: penalties -2..2", complaint=(7, 17))
def range_penalties(target: Target) -> None:
    """The same for both penalties."""
    low, high = "decimal_below_min_value", "decimal_above_max_value"
    for name in ("presence_penalty", "frequency_penalty"):
        ranges(target, (name, -2.5, low), (name, 3, high))


@case(
    "errors.range-counts",
    rule=f"{SPEC}: n 1..128, max_tokens >= 1, top_logprobs 0..20, at most 4 stops",
    complaint=(7, 17),
)
def range_counts(target: Target) -> None:
    """n=0 answered with no choices breaks choices[0]; -1 tokens means "no limit" to some engines."""
    low, high = "integer_below_min_value", "integer_above_max_value"
    ranges(target, ("n", 0, low), ("n", 129, high), ("max_tokens", 0, low), ("max_completion_tokens", -1, low))
    ranges(target, ("stop", ["a", "b", "c", "d", "e"], "array_above_max_length"))
    try:
        shapes.error(target.chat_reply(logprobs=True, top_logprobs=21), 400, param="top_logprobs")
    except Failed as failed:
        raise Failed(f"top_logprobs=21: {failed}") from None


@case(
    "errors.unknown-model", rule="api.openai.com: 404 model_not_found; openai-python: NotFoundError", complaint=(14, 17)
)
def unknown_model(target: Target) -> None:
    """A server that answers with some other model anyway sends the prompt where nobody wanted it."""
    for stream in (False, True):
        shapes.error(target.chat_reply(model="no-such-model-7f3a", stream=stream), 404, code="model_not_found")


@case(
    "errors.unknown-option",
    rule="scripted: an unknown option is a 400 which names it",
    needs=("scripted",),
    complaint=7,
)
def unknown_option(target: Target) -> None:
    """A misspelt option that is ignored makes a test of something else."""
    for options in ("surprise=1", "tokens=many", "tokens=3,delay=soon", "error=200"):
        try:
            shapes.error(target.chat_reply(model=f"{SCRIPTED}:{options}"), 400, param="model")
        except Failed as failed:
            raise Failed(f"scripted:{options}: {failed}") from None


@case("errors.unknown-path", rule=OBJECT, complaint=(17, 20))
def unknown_path(target: Target) -> None:
    """A wrong base URL must say so: frameworks answer HTML or {"detail"}."""
    code = {"code": "unknown_url"} if "scripted" in target.has else {}
    for method in ("GET", "POST"):
        reply = target.exchange(target.request(method, "/no/such/path", b"{}" if method == "POST" else None), method)
        shapes.error(reply, 404, **code)


@case(
    "errors.wrong-method",
    rule="https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6: 405 MUST carry Allow",
    complaint=17,
)
def wrong_method(target: Target) -> None:
    """A GET on the chat route is how people look whether a server is there."""
    for method, path, allowed in (("GET", CHAT, "POST"), ("DELETE", CHAT, "POST"), ("POST", "/models", "GET")):
        reply = target.exchange(target.request(method, path, b"{}" if method == "POST" else None), method)
        if reply.status == 404 and "scripted" not in target.has:
            shapes.error(reply, 404)  # what OpenAI's newer layer answers
            continue
        shapes.error(reply, 405)
        if allowed not in [part.strip() for part in (reply.header("allow") or "").split(",")]:
            raise Failed(f"{method} {path}: 405 with Allow: {reply.header('allow')}")


@case("errors.object", rule=OBJECT, complaint=17)
def error_keys(target: Target) -> None:
    """Typed clients need all four keys; a number as `code` is a type error in them."""
    variants: dict[str, Reply] = {
        "malformed JSON": target.post(CHAT, b"{"),
        "a wrong type": target.chat_reply(messages="hi"),
        "no messages": target.chat_reply(messages=OMIT),
        "an unknown model": target.chat_reply(model="no-such-model-7f3a"),
        "an unknown path": target.get("/no/such/path"),
        "a wrong method": target.get(CHAT),
        "an unknown model's page": target.get("/models/no-such-model-7f3a"),
    }
    wrong = []
    for name, reply in variants.items():
        try:
            if not 200 <= reply.status < 300:
                shapes.strict_error_object(json_of(reply))
        except Failed as failed:
            wrong.append(f"{name}: {reply.status}, {failed}")
    fail_if(wrong)
    if all(200 <= reply.status < 300 for reply in variants.values()):
        raise Failed("none of seven wrong requests was refused")


@case(
    "errors.never-200", rule="openai-python returns an object full of None for a 200 with an error", complaint=(14, 17)
)
def never_200(target: Target) -> None:
    """A 200 with {"error"} is invisible: no exception, no text."""
    variants: tuple[dict[str, object], ...] = ({"messages": []}, {"model": "no-such-model-7f3a"}, {"messages": OMIT})
    for fields in variants:
        reply = target.chat_reply(**fields)
        if reply.status >= 500 or (reply.status == 200 and b'"error"' in reply.body):
            raise Failed(f"{json.dumps(fields, default=lambda _: 'omitted')}: {reply.status} {show(reply.body)}")
