"""Embeddings: both forms of a vector, the four forms of the input, and what is no input."""

import json
import math
import struct
from base64 import b64decode
from binascii import Error

from conformance import shapes
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import Found, Json
from conformance.message import Reply
from conformance.target import Target, json_of

SPEC = "https://github.com/openai/openai-openapi CreateEmbeddingRequest, CreateEmbeddingResponse"
TEXTS: list[Json] = ["A cat sits on the mat.", "Share prices fell on Monday.", "A cat sits on the mat."]


def ask(target: Target, given: Json = "hello", **fields: Json) -> Reply:
    body = json.dumps({"model": target.model, "input": given, **fields}).encode()
    return target.post("/embeddings", body)


def made(target: Target, given: Json = "hello", **fields: Json) -> Found:
    """The list of vectors; not applicable where the server's model makes none."""
    reply = ask(target, given, **fields)
    if "scripted" not in target.has:
        if reply.status in (404, 405, 501):
            raise NotApplicable(f"the model {target.model} makes no embeddings: {reply.status}")
        reply = shapes.offered(reply, "embeddings")
    if reply.status != 200:
        raise Failed(f"POST /embeddings: {reply.status}")
    return json_of(reply)


def vectors(found: Found, count: int) -> list[list[float]]:
    """The vectors of a reply in the order of their inputs, each of them numbers or base64."""
    entries = list(found["data"])
    if [entry["index"].integer() for entry in entries] != list(range(count)):
        raise Failed(f"{count} inputs, but the indexes are {[entry['index'].value for entry in entries]}")
    return [numbers(entry["embedding"]) for entry in entries]


def numbers(vector: Found) -> list[float]:
    if isinstance(vector.value, str):
        try:
            packed = b64decode(vector.value, validate=True)
            unpacked: list[float] = list(struct.unpack(f"<{len(packed) // 4}f", packed))
        except (Error, ValueError, struct.error):
            raise Failed(f"{vector.path} is no base64 of 32-bit floats") from None
    else:
        unpacked = [number.number() for number in vector]
    if not unpacked or not all(map(math.isfinite, unpacked)):
        raise Failed(f"{vector.path} is no vector")
    return unpacked


@case("embeddings.shape", rule=f"{SPEC}: object, data, model and usage are required", complaint=19)
def shape(target: Target) -> None:
    """Vector stores read `data[].embedding` by its index, and charge by `usage`."""
    found = made(target, TEXTS)
    found["object"].equals("list")
    found["model"].text()
    for entry in found["data"]:
        entry["object"].equals("embedding")
    lengths = {len(vector) for vector in vectors(found, len(TEXTS))}
    if len(lengths) != 1:
        raise Failed(f"vectors of {sorted(lengths)} dimensions")
    usage = found["usage"]
    if usage["prompt_tokens"].integer() != usage["total_tokens"].integer():
        raise Failed("total_tokens is not prompt_tokens, and embeddings have no others")


@case("embeddings.same-text", rule="a vector is of its text and of nothing else", complaint=19)
def same_text(target: Target) -> None:
    """What was stored yesterday is found by what is asked today, alone or in company."""
    first, other, last = vectors(made(target, TEXTS), 3)
    (alone,) = vectors(made(target, TEXTS[0]), 1)
    differs = max(apart(first, last), apart(first, alone))
    if differs > 1e-3:
        raise Failed(f"the same text has different vectors, {differs:.2g} apart in a component")
    if apart(first, other) < 1e-3:
        raise Failed("different texts have the same vector")


def apart(one: list[float], other: list[float]) -> float:
    return max((abs(a - b) for a, b in zip(one, other, strict=True)), default=0.0) if len(one) == len(other) else 1.0


@case("embeddings.base64", rule=f"{SPEC}: encoding_format float or base64", complaint=19)
def base64(target: Target) -> None:
    """openai-python and openai-node ask for base64 unless told otherwise, and unpack 32-bit floats."""
    floats = made(target, TEXTS, encoding_format="float")
    packed = made(target, TEXTS, encoding_format="base64")
    for entry in packed["data"]:
        entry["embedding"].text()
    wanted = vectors(packed, len(TEXTS))
    if any(isinstance(entry["embedding"].value, str) for entry in floats["data"]):
        raise Failed("asked for floats, it sends strings")
    if any(apart(one, other) > 1e-6 for one, other in zip(vectors(floats, len(TEXTS)), wanted, strict=True)):
        raise Failed("base64 and float are different vectors")


@case("embeddings.default-float", rule=f"{SPEC}: encoding_format defaults to float", complaint=19)
def default(target: Target) -> None:
    """curl and small clients read numbers."""
    for entry in made(target)["data"]:
        if not isinstance(entry["embedding"].value, list):
            raise Failed(f"{entry.path}.embedding is no list of numbers")


@case("embeddings.inputs", rule=f"{SPEC}: a string, strings, token ids, arrays of token ids", complaint=19)
def inputs(target: Target) -> None:
    """LangChain sends token ids; servers that know text only answer 422 or worse."""
    ids: list[Json] = [7592, 2088]
    forms: tuple[tuple[Json, int], ...] = (("hello", 1), (["a", "b"], 2), (ids, 1), ([ids, ids, ids], 3))
    wrong = []
    for given, count in forms:
        if isinstance(given, list) and not isinstance(given[0], str):
            reply = ask(target, given)
            if reply.status == 400 and "scripted" not in target.has:
                shapes.error(reply, 400)  # whose tokens these are is not said: to refuse them is honest
                continue
        try:
            vectors(made(target, given), count)
        except Failed as failed:
            wrong.append(f"input {json.dumps(given)}: {failed}")
    fail_if(wrong)


@case("embeddings.dimensions", rule=f"{SPEC}: dimensions, where the model supports it", complaint=(7, 19))
def dimensions(target: Target) -> None:
    """A vector of another length than the index has is lost when it is stored."""
    made(target)
    reply = ask(target, dimensions=8)
    if reply.status == 400 and "scripted" not in target.has:
        return shapes.error(reply, 400, param="dimensions")
    (vector,) = vectors(made(target, dimensions=8), 1)
    if len(vector) != 8:
        raise Failed(f"asked for 8 dimensions, it sends {len(vector)}")
    return None


@case("embeddings.refusals", rule=f"{SPEC}: input has 1 to 2048 elements, none of them empty", complaint=(17, 19))
def refusals(target: Target) -> None:
    """A vector of nothing is found by everything."""
    made(target)
    wrong = []
    many: list[Json] = ["a"] * 2049
    empty: tuple[tuple[str, Json], ...] = (("''", ""), ("[]", []), ("null", None), ("7", 7), ("2049 texts", many))
    for name, given in empty:
        try:
            shapes.error(ask(target, given), 400, param="input")
        except Failed as failed:
            wrong.append(f"input {name}: {failed}")
    try:
        shapes.error(ask(target, encoding_format="hex"), 400, param="encoding_format")
    except Failed as failed:
        wrong.append(f"encoding_format hex: {failed}")
    fail_if(wrong)


@case("embeddings.unknown-model", rule="api.openai.com: 404 model_not_found", complaint=(17, 19))
def unknown(target: Target) -> None:
    """A client that falls back to another model waits for this code."""
    made(target)
    body = b'{"model":"no-such-model-7f3a","input":"hello"}'
    shapes.error(target.post("/embeddings", body), 404, code="model_not_found")
