# The API's description of itself, OpenAPI 3.1: made of the route table, the models that requests are validated with,
# the table of errors, and what `operations` says of each endpoint. Nothing is told twice.
#
# It needs a key where everything does, and says so exactly where that is the case.
# https://spec.openapis.org/oas/v3.1.1.html
from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import models_json_schema

from .. import _errors
from .._routes import ROUTES, Endpoint
from .operations import OPERATIONS, Answer, Operation

__all__ = ("written",)

Json = dict[str, JsonValue]

#: Two models of one name are told apart by their modules, whose place is nobody's business.
_MODULE: Final = re.compile(r"g4f_proto___schema__([a-z]+)__")
_ALSO: Final = {
    412: "A condition of the request is not met.",
    416: "The range lies behind the end of the file.",
    422: "It is well-formed, but what is in it cannot be read.",
}
_PARAMETERS: Final[dict[str, Json]] = {
    "provider": {"description": "A provider, by its name", "example": "Scripted"},
    "conversation_id": {"description": "The conversation to go on with", "example": "conv-123"},
    "model": {"description": "A model, an alias or a provider; slashes may be escaped or not", "example": "scripted"},
    "filename": {"description": "The name that the file's address ends with", "example": "0123.png"},
}
_KEYS: Final[Json] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "g4f-api-key": {"type": "apiKey", "in": "header", "name": "g4f-api-key"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}
_HEADERS: Final[Json] = {
    "x-request-id": {"description": "The request's id", "required": True, "schema": {"type": "string"}},
    "openai-processing-ms": {"description": "Milliseconds it took", "schema": {"type": "integer"}},
    "x-g4f-model": {"description": "The model that answered", "schema": {"type": "string"}},
    "retry-after": {"description": "Seconds until it makes sense to ask again", "schema": {"type": "integer"}},
}


@cache
def written(*, keyed: bool, gui: bool) -> bytes:
    """The document, as JSON.

    :param keyed: the API wants a key.
    :param gui: there is a page to chat with.
    """
    text = json.dumps(_document(keyed, gui), separators=(",", ":"))
    return _MODULE.sub(lambda found: found[1].capitalize(), text).encode("ascii")


def _document(keyed: bool, gui: bool) -> Json:
    models: list[type[BaseModel]] = [model for operation in OPERATIONS.values() for model in _models(operation)]
    _, described = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, Json] = {}
    for method, path, endpoint, what in ROUTES:
        if endpoint is not Endpoint.GUI or gui:
            paths.setdefault(path.replace("...}", "}"), {})[method.lower()] = _operation(path, endpoint, what)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "G4F API",
            "version": "1",
            "description": "An OpenAI-compatible API. `/v1` may be left out; every `GET` may be a `HEAD`.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in OPERATIONS.values())],
        "security": [{name: []} for name in _KEYS] if keyed else [],
        "paths": {**paths},
        "components": {"schemas": described["$defs"], "securitySchemes": _KEYS, "headers": _HEADERS},
    }


def _models(operation: Operation) -> Iterator[type[BaseModel]]:
    if operation.asks is not None:
        yield operation.asks
    yield operation.error
    for answer in operation.answers:
        if answer.model is not None:
            yield answer.model


def _operation(path: str, endpoint: Endpoint, what: str) -> Json:
    operation = OPERATIONS[endpoint]
    names = re.findall(r"{(\w+)", path)
    described: Json = {
        "operationId": "_".join([endpoint.name.lower(), *(names if path.startswith("/api/") else ())]),
        "summary": what,
        "tags": [operation.tag],
        "responses": _responses(operation, named=bool(names)),
    }
    if names:
        described["parameters"] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string", "minLength": 1},
                **_PARAMETERS[name],
            }
            for name in names
        ]
    if operation.asks is not None:
        kind = "multipart/form-data" if operation.form else "application/json"
        content: Json = {"schema": _ref(operation.asks)}
        if operation.examples:
            content["examples"] = {name: {"value": value} for name, value in operation.examples.items()}
        described["requestBody"] = {"required": True, "content": {kind: content}}
    if operation.open:
        described["security"] = []
    return described


def _responses(operation: Operation, *, named: bool) -> Json:
    headers = ["x-request-id", "openai-processing-ms", *(["x-g4f-model"] if operation.runs else [])]
    content: Json = {answer.media: _answer(answer) for answer in operation.answers}
    responses: Json = {"200": {"description": "The answer.", "headers": _headers(headers), "content": content}}
    for status, what in operation.statuses.items():
        responses[str(status)] = {"description": what, "headers": _headers(headers)}
        if status == 206:
            responses[str(status)] = {"description": what, "headers": _headers(headers), "content": content}
    refusal: Json = {"application/json": {"schema": _ref(operation.error)}}
    statuses = {*operation.errors, *((404,) if named else ())} - ({401} if operation.open else set())
    for status in sorted(statuses):
        told = [*headers[:2], *(["retry-after"] if status in (429, 503) else [])]
        responses[str(status)] = {"description": _why(status), "headers": _headers(told), "content": refusal}
    if operation.runs:
        for group in ("4XX", "5XX"):
            responses[group] = {
                "description": "What the provider answered.", "headers": _headers(headers[:2]), "content": refusal,
            }  # fmt: skip
    return responses


def _answer(answer: Answer) -> Json:
    if answer.media == "text/event-stream":
        # "treat each event as an object" is what OpenAPI 3.2 says of these; 3.1 says nothing.
        data: Json = {"type": "string"}
        if answer.model is not None:
            data |= {"contentMediaType": "application/json", "contentSchema": _ref(answer.model)}
            data = {"anyOf": [{"const": "[DONE]"}, data]}
        event: Json = {"event": {"type": "string"}, "data": data}
        return {"schema": {"type": "object", "description": answer.text, "properties": event, "required": ["data"]}}
    if answer.model is None:
        kind = "object" if answer.media == "application/json" else "string"
        return {"schema": {"type": kind, "description": answer.text}}
    described: Json = {"schema": _ref(answer.model)}
    if answer.example is not None:
        described["example"] = answer.example
    return described


def _headers(names: Sequence[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _why(status: int) -> str:
    """What the errors of that status say of themselves."""
    kinds = [getattr(_errors, name) for name in _errors.__all__ if name != "ApiError"]
    said = [(kind.__doc__ or "").strip() for kind in kinds if getattr(kind, "status", None) == status]
    return " ".join(dict.fromkeys(said)) or _ALSO[status]
