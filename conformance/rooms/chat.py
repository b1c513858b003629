"""What a whole chat completion looks like: keys that must be there, values that must agree with the request."""

import re

from conformance import shapes
from conformance.case import Failed, case, fail_if
from conformance.found import show
from conformance.target import CHAT, OMIT, PROMPT, SCRIPTED, Target, completed, json_of

SPEC = "https://github.com/openai/openai-openapi CreateChatCompletionResponse"
MANY = "Write the numbers from one to one hundred as words, separated by spaces."


def talkative(target: Target) -> dict[str, object]:
    """Fields that make the model want to say more than forty tokens."""
    if "scripted" in target.has:
        return {"model": f"{SCRIPTED}:tokens=64"}
    return {"messages": [{"role": "user", "content": MANY}]}


@case("chat.shape", rule=SPEC)
def shape(target: Target) -> None:
    """Clients index choices[0].message.content and read id, created and model without asking."""
    shapes.completion(target.chat())


@case("chat.nullable-keys", rule=f"{SPEC}: `refusal` and `logprobs` are required, their values nullable")
def nullable_keys(target: Target) -> None:
    """Generated clients refuse a choice without `logprobs` or a message without `refusal`."""
    choice = target.chat()["choices"][0]
    choice["message"]["refusal"].text_or_null()
    choice["logprobs"]
    choice["finish_reason"].text()


@case("chat.content-type", rule="https://www.rfc-editor.org/rfc/rfc8259#section-11", complaint=25)
def content_type(target: Target) -> None:
    """Clients choose the parser by the type; a compressed answer to a client that did not ask is unreadable."""
    reply = target.chat_reply()
    completed(reply)
    if (reply.header("content-type") or "").partition(";")[0].strip().lower() != "application/json":
        raise Failed(f"content-type: {reply.header('content-type')}")
    if reply.header("content-encoding"):
        raise Failed(f"content-encoding: {reply.header('content-encoding')}, not asked for")


@case("chat.id", rule=f"{SPEC}: `id`: a unique identifier for the chat completion", complaint=18)
def unique_id(target: Target) -> None:
    """Logs and caches are keyed by the id."""
    first, second = target.chat()["id"].text(), target.chat()["id"].text()
    if not first or first == second:
        raise Failed(f"two completions have the id {first!r}")


@case("chat.model-echo", rule="ggml-org/llama.cpp#5876, open-webui/open-webui#23917", complaint=18)
def model_echo(target: Target) -> None:
    """Clients that route by name look their own model id up in the answer."""
    shapes.names(target.chat(), target.model, exactly="scripted" in target.has)


@case("chat.usage", rule="https://github.com/openai/openai-openapi CompletionUsage", complaint=2)
def usage(target: Target) -> None:
    """Bills and context budgets are added up from it."""
    if shapes.usage(target.chat()["usage"]) == 0:
        raise Failed("usage counts nothing")


@case(
    "chat.usage-words",
    rule="scripted: prompt_tokens = words of all messages, completion_tokens = deltas",
    needs=("scripted",),
)
def usage_words(target: Target) -> None:
    """A test of a client's accounting needs a known count."""
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello big world"}]
    found = target.chat(messages=messages)["usage"]
    found["prompt_tokens"].equals(5)
    found["completion_tokens"].equals(3)
    found["total_tokens"].equals(8)


@case("chat.request-id", rule="https://platform.openai.com/docs/api-reference/debugging-requests: x-request-id")
def request_id(target: Target) -> None:
    """The SDKs put it into every exception; support asks for it."""
    ids = [target.chat_reply().header("x-request-id") for _ in range(2)]
    if not all(ids) or ids[0] == ids[1]:
        raise Failed(f"x-request-id of two replies: {ids}")
    if "scripted" in target.has and not all(re.fullmatch("req_[0-9a-f]{32}", name or "") for name in ids):
        raise Failed(f"x-request-id is not req_<32 hex digits>: {ids}")


@case("chat.system-fingerprint", rule=f"{SPEC}: `system_fingerprint`: string")
def system_fingerprint(target: Target) -> None:
    """Optional, but a string where it is sent."""
    target.chat().get("system_fingerprint").text_or_null()


@case(
    "chat.provider",
    rule="G4F REST API: a reply names its `provider`; x-g4f-model names the model that answered",
    needs=("scripted",),
)
def provider(target: Target) -> None:
    """Behind an alias or a fallback only these tell who answered."""
    reply = target.chat_reply()
    if not json_of(reply)["provider"].text():
        raise Failed("provider is empty")
    if reply.header("x-g4f-model") != SCRIPTED:
        raise Failed(f"x-g4f-model: {reply.header('x-g4f-model')}")


@case("chat.echo", rule="scripted: the last user message, word by word, unchanged", needs=("scripted",))
def echo(target: Target) -> None:
    """Quotes, astral characters and line separators must survive both JSON layers, as pure ASCII on the wire."""
    words = 'caf\u00e9 "quoted" back\\slash \U0001f600 \u2028 a\u0000b </script> \x7f'
    reply = target.chat_reply(messages=[{"role": "user", "content": words}])
    seen = json_of(reply)["choices"][0]["message"]["content"].text()
    if seen.split(" ") != words.split(" "):
        raise Failed(f"{show(words)} came back as {show(seen)}")
    if not reply.body.isascii():
        raise Failed("the body is not pure ASCII")


@case(
    "chat.max-tokens",
    rule="https://github.com/openai/openai-openapi CreateChatCompletionRequest.max_tokens",
    complaint=(7, 9, 11),
)
def max_tokens(target: Target) -> None:
    """A limit that is ignored costs money; a cut answer that says "stop" is taken for whole."""
    _capped(target, max_tokens=5)


@case("chat.max-completion-tokens", rule="ggml-org/ik_llama PR 2321, abetlen/llama-cpp-python#1907", complaint=(7, 9))
def max_completion_tokens(target: Target) -> None:
    """Newer SDKs send only this name; servers that do not know it run without a limit."""
    _capped(target, max_tokens=OMIT, max_completion_tokens=5)


@case(
    "chat.both-limits",
    rule="max_completion_tokens supersedes max_tokens: openai-openapi marks the latter deprecated",
    complaint=9,
)
def both_limits(target: Target) -> None:
    """Frameworks that send both mean the newer; refusing the pair with 400 is honest too."""
    fields = talkative(target) | {"max_tokens": 40, "max_completion_tokens": 5}
    reply = target.chat_reply(**fields)
    if reply.status == 400:
        shapes.error(reply, 400)
        return
    _check_cap(target, fields)


def _capped(target: Target, **limit: object) -> None:
    _check_cap(target, talkative(target) | limit)


def _check_cap(target: Target, fields: dict[str, object]) -> None:
    found = target.chat(**fields)
    used = found["usage"]["completion_tokens"].integer()
    if used > 5:
        raise Failed(f"{used} completion tokens, allowed were 5")
    found["choices"][0]["finish_reason"].equals("length")


@case(
    "chat.finish-stop", rule=f"{SPEC}: finish_reason `stop` = a natural stop point", needs=("scripted",), complaint=11
)
def finish_stop(target: Target) -> None:
    """An answer that ends exactly at the limit ended by itself or was cut: one word less must say which."""
    words = [{"role": "user", "content": "one two three"}]
    for limit, expected in ((2, "length"), (4, "stop")):
        target.chat(messages=words, max_tokens=limit)["choices"][0]["finish_reason"].equals(expected)


@case(
    "chat.stop",
    rule="https://github.com/openai/openai-openapi StopConfiguration: the text will not contain the stop sequence",
    complaint=(7, 11),
)
def stop(target: Target) -> None:
    """Agents parse up to the stop text; leaked or ignored stops run into the next turn."""
    stops = ["e", "a", "o", "i"]
    choice = target.chat(stop=stops, messages=[{"role": "user", "content": PROMPT}])["choices"][0]
    text = choice["message"]["content"].text()
    if any(letter in text for letter in stops):
        raise Failed(f"stop={stops}, yet the text is {show(text)}")
    choice["finish_reason"].equals("stop")


@case(
    "chat.stop-across-deltas",
    rule="ggml-org/llama.cpp PR 7198: the stop text is absent even when it spans tokens",
    needs=("scripted",),
    complaint=11,
)
def stop_across(target: Target) -> None:
    """A matcher that looks at one delta at a time never sees a stop that is split over two."""
    words = [{"role": "user", "content": "alpha beta gamma delta"}]
    for given, left in ((["ta gam"], "alpha be"), ("gamma", "alpha beta "), (["x", "y", "z", "beta"], "alpha ")):
        choice = target.chat(messages=words, stop=given)["choices"][0]
        choice["message"]["content"].equals(left)
        choice["finish_reason"].equals("stop")


@case("chat.n", rule="https://github.com/openai/openai-openapi CreateChatCompletionRequest.n", complaint=7)
def n(target: Target) -> None:
    """Self-consistency prompts index choices[1]; one choice where two were asked for is an IndexError there."""
    reply = target.chat_reply(n=2)
    if reply.status == 400:
        shapes.error(reply, 400)
        return
    indexes = [choice["index"].integer() for choice in json_of(reply)["choices"]]
    if sorted(indexes) != [0, 1]:
        raise Failed(f"n=2 gave choices {indexes}")


@case("chat.logprobs", rule="https://github.com/openai/openai-openapi ChatCompletionTokenLogprob", complaint=7)
def logprobs(target: Target) -> None:
    """Evaluations divide by them: null where they were asked for is worse than a 400."""
    reply = target.chat_reply(logprobs=True, top_logprobs=2)
    if reply.status == 400:
        shapes.error(reply, 400)
        return
    entries = json_of(reply)["choices"][0]["logprobs"]["content"]
    if not len(entries):
        raise Failed("logprobs.content is empty")
    for entry in entries:
        entry["token"].text()
        entry["bytes"]
        len(entry["top_logprobs"])
        if not isinstance(entry["logprob"].value, int | float):
            raise Failed(f"{entry.path}.logprob is {show(entry['logprob'].value)}")


@case("chat.seed", rule="https://github.com/openai/openai-openapi CreateChatCompletionRequest.seed", complaint=7)
def seed(target: Target) -> None:
    """Tests pin the seed: honoured (the same answer twice) or refused, but never ignored."""
    replies = [target.chat_reply(seed=7, temperature=1) for _ in range(2)]
    if any(reply.status == 400 for reply in replies):
        shapes.error(replies[0], 400)
        return
    texts = [json_of(reply)["choices"][0]["message"]["content"].text() for reply in replies]
    if texts[0] != texts[1]:
        raise Failed(f"the same seed gave {show(texts[0])} and {show(texts[1])}")


@case(
    "chat.routes",
    rule="G4F REST API: /api/{provider}/chat/completions; base URLs are given with and without /v1",
    needs=("scripted",),
    complaint=20,
)
def routes(target: Target) -> None:
    """Half of the clients add /v1 themselves, the other half does not."""
    paths = [CHAT, f"/v1{CHAT}", f"/api/Scripted{CHAT}", f"//v1/{CHAT}", f"/v1{CHAT}/"]
    wrong = []
    for path in paths:
        try:
            completed(target.post(path, target.body(), base=""))
        except Failed as failed:
            wrong.append(f"POST {path}: {failed}")
    fail_if(wrong)


@case("chat.trailing-slash", rule="no redirects: openai-python followed one loop 63 times", complaint=20)
def trailing_slash(target: Target) -> None:
    """A redirect costs every POST a second trip, and some clients drop the body on the way."""
    reply = target.post(f"{CHAT}/", target.body())
    if 300 <= reply.status < 400:
        raise Failed(f"{reply.status} to {reply.header('location')}")
    if reply.status != 404:
        completed(reply)
