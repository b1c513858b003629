"""The mistakes servers make with vectors, cookies and lists: more of `flaws`."""

from collections.abc import Callable
from typing import Any

from .mutations import body, status
from .proxy import Flaw

Object = dict[str, Any]


def made(change: Callable[[Object], object]) -> Callable[[Any], Any]:
    """Change each reply that has vectors."""

    def changed(found: Object) -> None:
        if isinstance(found, dict) and found.get("data") and "embedding" in found["data"][0]:
            change(found)

    return body(changed)


def moved(found: Object) -> None:
    vectors = [entry["embedding"] for entry in found["data"]]
    for entry, vector in zip(found["data"], [*vectors[1:], vectors[0]], strict=True):
        entry["embedding"] = vector


def from_one(found: Object) -> None:
    for entry in found["data"]:
        entry["index"] += 1


def one_text(asked: Object) -> None:
    if not isinstance(asked["input"], str):
        asked["input"] = str(asked["input"])


def never_empty(asked: Object) -> None:
    asked["input"] = asked["input"] or "nothing"


def providers(change: Callable[[Object], object]) -> Callable[[Any], Any]:
    """Change each provider that is told of, in the list and alone."""

    def changed(found: Object) -> None:
        entries = found.get("data", [found]) if isinstance(found, dict) else []
        for entry in entries:
            if "image_models" in entry:
                change(entry)

    return body(changed)


def description(change: Callable[[Object], object]) -> Callable[[Any], Any]:
    """Change the API's description of itself."""

    def changed(found: Object) -> None:
        if isinstance(found, dict) and "openapi" in found:
            change(found)

    return body(changed)


def pruned(found: Object, name: str) -> None:
    for key in [key for key in found if name in key]:
        del found[key]


LISTS: dict[str, Flaw] = {
    "vectors counted from 1": Flaw(("embeddings.shape",), reply=made(from_one)),
    "vectors without usage": Flaw(("embeddings.shape",), reply=made(lambda found: found.pop("usage"))),
    "vectors mixed up": Flaw(("embeddings.same-text",), reply=made(moved)),
    "no base64": Flaw(("embeddings.base64",), request=lambda asked: asked.pop("encoding_format", None)),
    "always base64": Flaw(
        ("embeddings.base64", "embeddings.default-float"), request=lambda asked: asked.update(encoding_format="base64")
    ),
    "ids and lists as one text": Flaw(("embeddings.inputs", "embeddings.shape"), request=one_text),
    "dimensions ignored": Flaw(("embeddings.dimensions",), request=lambda asked: asked.pop("dimensions", None)),
    "a vector of nothing": Flaw(("embeddings.refusals",), request=never_empty),
    "providers without a flag": Flaw(("providers.list",), reply=providers(lambda entry: entry.pop("working"))),
    "a provider that does not tell all": Flaw(
        ("providers.retrieve",), reply=providers(lambda entry: entry.pop("description", None))
    ),
    "models nobody else knows": Flaw(("providers.models",), reply=providers(lambda entry: entry["models"].append("x"))),
    "blind to vision": Flaw(("providers.models",), reply=providers(lambda entry: entry["vision_models"].clear())),
    "any provider": Flaw(("providers.unknown",), reply=status(lambda code: code == 404, 200)),
    "any file": Flaw(("cookies.refusals",), reply=status(lambda code: code == 422, 200)),
    "cookies read back": Flaw(("cookies.write-only",), reply=status(lambda code: code == 405, 200)),
    "no chat described": Flaw(("openapi.document",), reply=description(lambda found: pruned(found["paths"], "chat"))),
    "a schema that is not there": Flaw(
        ("openapi.references",), reply=description(lambda found: pruned(found["components"]["schemas"], "ErrorBody"))
    ),
    "a path that is not there": Flaw(
        ("openapi.paths",), reply=description(lambda found: found["paths"].update({"/v1/nothing": {"get": {}}}))
    ),
    "any model's vectors": Flaw(("embeddings.unknown-model",), request=lambda asked: asked.update(model="scripted")),
}
