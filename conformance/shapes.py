"""The JSON shapes OpenAI's clients rely on, as checks that raise `Failed`.

Nullable is not optional: https://github.com/openai/openai-openapi (MIT) lists `message.refusal`, `choices[].logprobs`,
`error.param` and `error.code` as required, and generated clients refuse an object without them. Status, type, param and
code are asserted; the text of a message never is.
"""

from types import EllipsisType

from conformance.case import Failed, NotApplicable
from conformance.found import Found, show
from conformance.message import Reply
from conformance.target import json_of

FINISHES = ("stop", "length", "tool_calls", "content_filter", "function_call")


def error(
    reply: Reply,
    *statuses: int,
    code: str | EllipsisType | None = ...,
    param: str | EllipsisType | None = ...,
    type: str | EllipsisType = ...,
) -> None:
    """The reply has one of `statuses` and OpenAI's error object; what is left out may be anything allowed."""
    if reply.status not in statuses:
        expected = " or ".join(map(str, statuses))
        raise Failed(f"status {reply.status} instead of {expected}: {show(reply.body)}")
    kind = (reply.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Failed(f"{reply.status} of type {kind or 'none'}, no JSON: {show(reply.body)}")
    try:
        error_object(json_of(reply), code=code, param=param, type=type)
    except Failed as failed:
        raise Failed(f"{reply.status}, but {failed}") from None


def error_object(
    found: Found,
    *,
    code: str | EllipsisType | None = ...,
    param: str | EllipsisType | None = ...,
    type: str | EllipsisType = ...,
) -> None:
    """An `error` object with a message. `strict_error_object` asks for all of its keys, once, in a case of its own."""
    inner = found["error"]
    if not inner["message"].text().strip():
        raise Failed("error.message is empty")
    for name, expected in (("code", code), ("param", param), ("type", type)):
        if not isinstance(expected, EllipsisType):
            inner.get(name).equals(expected)


def strict_error_object(found: Found) -> None:
    """`{"error": {"message", "type", "param", "code"}}`, all strings, the last two nullable."""
    error_object(found)
    found["error"]["type"].text()
    found["error"]["param"].text_or_null()
    found["error"]["code"].text_or_null()


def offered(reply: Reply, what: str) -> Reply:
    """The reply, unless it refuses `what` as a server may that has no such thing: 400 and an error object.

    For the plainest request of its kind only: who takes that one and refuses a variant of it has failed.
    """
    if reply.status == 400:
        error(reply, 400)
        raise NotApplicable(f"the server refuses {what}: {json_of(reply)['error']['message'].text()[:120]}")
    return reply


def usage(found: Found) -> int:
    """A usage object that adds up; returns its total."""
    counts = [found[name].integer() for name in ("prompt_tokens", "completion_tokens", "total_tokens")]
    if min(counts) < 0 or counts[0] + counts[1] != counts[2]:
        raise Failed(f"{found.path} does not add up: {show(found.value)}")
    return counts[2]


def completion(found: Found) -> Found:
    """A whole chat completion of one choice; returns the choice."""
    found["object"].equals("chat.completion")
    envelope(found)
    if len(found["choices"]) != 1:
        raise Failed(f"{len(found['choices'])} choices instead of 1")
    choice = found["choices"][0]
    choice["index"].equals(0)
    choice["message"]["role"].equals("assistant")
    choice["message"]["content"].text()
    if choice["finish_reason"].text() not in FINISHES:
        raise Failed(f"finish_reason is {choice['finish_reason'].text()!r}")
    return choice


def names(found: Found, model: str, *, exactly: bool) -> None:
    """`model` is the requested one; OpenAI itself answers for an alias with its snapshot, `gpt-4o-2024-08-06`."""
    seen = found["model"].text()
    if seen != model and (exactly or not seen.startswith(f"{model}-")):
        raise Failed(f"model is {seen!r} instead of {model!r}")


def envelope(found: Found) -> None:
    """The fields completions and chunks have in common: id, created, model."""
    if not found["id"].text():
        raise Failed("id is empty")
    # "The Unix timestamp (in seconds)": in milliseconds it would lie beyond the year 5000
    if not 0 < found["created"].integer() < 10**11:
        raise Failed(f"created is {found['created'].integer()}, not seconds since 1970")
    found["model"].text()
