"""Log probabilities: of each token its four keys, in whole replies and streams, and nothing where nothing was asked."""

from conformance import shapes
from conformance.case import Failed, case, fail_if
from conformance.found import Found, show
from conformance.target import PROMPT, Target, completed

TOKEN = "https://github.com/openai/openai-openapi ChatCompletionTokenLogprob"
REQUEST = "https://github.com/openai/openai-openapi CreateChatCompletionRequest"
ASKED: dict[str, object] = {"logprobs": True, "top_logprobs": 2}


def ask(target: Target, **fields: object) -> Found:
    """The first choice of a reply with logprobs; not applicable where they are refused."""
    return completed(shapes.offered(target.chat_reply(**(ASKED | fields)), "logprobs"))["choices"][0]


def entries(choice: Found) -> list[Found]:
    """Its tokens, at least one, each of the right shape."""
    found = list(choice["logprobs"]["content"])
    if not found:
        raise Failed(f"{choice.path}.logprobs.content is empty")
    choice["logprobs"]["refusal"]
    for entry in found:
        check(entry)
        for other in entry["top_logprobs"]:
            check(other)
    return found


def check(entry: Found) -> None:
    """ "A list of integers representing the UTF-8 bytes representation of the token. Can be null"."""
    token, score, spelled = entry["token"].text(), entry["logprob"].value, entry["bytes"]
    if isinstance(score, bool) or not isinstance(score, int | float) or score > 0:
        raise Failed(f"{entry.path}.logprob is {show(score)}, no logarithm of a probability")
    if spelled.is_null():
        return
    values = [byte.integer() for byte in spelled]
    if any(not 0 <= value <= 255 for value in values):
        raise Failed(f"{spelled.path} is {values}, no bytes")
    whole = bytes(values).decode("utf-8", "replace")
    if "\ufffd" not in whole and whole != token:  # a token may be a part of a character
        raise Failed(f"{entry.path}: the bytes spell {show(whole)}, the token is {show(token)}")


@case("logprobs.shape", rule=f"{TOKEN}: token, logprob, bytes and top_logprobs are required", complaint=7)
def shape(target: Target) -> None:
    """Generated clients refuse an entry without `bytes`; evaluations take exp() of every logprob."""
    entries(ask(target))


@case("logprobs.top", rule=f"{REQUEST}.top_logprobs: the number of most likely tokens to return", complaint=7)
def top(target: Target) -> None:
    """Classifiers look their labels up among them: as many as were asked for, none where none were."""
    ask(target)
    for count in (0, 1, 5):
        seen = {len(entry["top_logprobs"]) for entry in entries(ask(target, top_logprobs=count))}
        exact = "scripted" in target.has
        if max(seen) > count or (exact and seen != {count}) or (count and not max(seen)):
            raise Failed(f"top_logprobs={count} gave {sorted(seen)} alternatives")


@case("logprobs.text", rule=f"{TOKEN}: of every token of the message", complaint=7)
def texts(target: Target) -> None:
    """Joined, the tokens are the content: one that is missing shifts every position behind it."""
    words = f"{PROMPT} caf\u00e9 \U0001f600" if "scripted" in target.has else PROMPT
    choice = ask(target, messages=[{"role": "user", "content": words}])
    joined = "".join(entry["token"].text() for entry in entries(choice))
    content = choice["message"]["content"].text()
    if "\ufffd" not in joined and joined.strip() != content.strip():
        raise Failed(f"the tokens are {show(joined)}, the content is {show(content)}")


@case("logprobs.stream", rule=f"{TOKEN}: with each delta the tokens it is made of", complaint=7)
def stream(target: Target) -> None:
    """All of them with the first chunk, or none, is what a server does that thinks of whole replies only."""
    ask(target)
    seen = target.stream(**ASKED)
    joined, text = "", ""
    for choice in seen.choices:
        content = choice["delta"].get("content").text_or_null() or ""
        if choice["logprobs"].is_null() and content:
            raise Failed(f"{choice.path} says {show(content)} without logprobs")
        if not choice["logprobs"].is_null() and not choice["logprobs"]["content"].is_null():
            joined += (
                "".join(entry["token"].text() for entry in entries(choice))
                if len(choice["logprobs"]["content"])
                else ""
            )
        text += content
        if "scripted" in target.has and joined != text:
            raise Failed(f"{choice.path}: the tokens so far are {show(joined)}, the text is {show(text)}")
    if not joined:
        raise Failed("the stream has no logprobs")


@case("logprobs.stop", rule="scripted: what a stop cut off has no logprobs", needs=("scripted",), complaint=(7, 11))
def stop(target: Target) -> None:
    """Held back and thrown away, the stop text must not leak through its scores."""
    choice = ask(target, stop="two", messages=[{"role": "user", "content": "one two three"}])
    joined = "".join(entry["token"].text() for entry in entries(choice))
    if joined != choice["message"]["content"].text() or "two" in joined:
        raise Failed(f"stop='two': the tokens are {show(joined)}")


@case("logprobs.absent", rule=f"{REQUEST}.logprobs: defaults to false")
def absent(target: Target) -> None:
    """Not asked for: the key is there and null, in whole replies and (where it is) in streams."""
    for fields in ({}, {"logprobs": False}, {"logprobs": None}):
        target.chat(**fields)["choices"][0]["logprobs"].equals(None)
        for choice in target.stream(**fields).choices:
            choice.get("logprobs").equals(None)


@case("logprobs.range", rule=f"{REQUEST}.top_logprobs: 0 to 20, and logprobs must be true", complaint=7)
def ranges(target: Target) -> None:
    """A count without `logprobs` asks for nothing; it is a mistake of the client, told as one."""
    ask(target)
    wrong = []
    for fields in ({"top_logprobs": 21}, {"top_logprobs": -1}, {"top_logprobs": 2, "logprobs": False}):
        try:
            shapes.error(target.chat_reply(**(ASKED | fields)), 400, param="top_logprobs")
        except Failed as failed:
            wrong.append(f"{fields}: {failed}")
    fail_if(wrong)
