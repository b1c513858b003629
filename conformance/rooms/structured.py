"""Answers that are JSON: `response_format`, its schemas, and what is no schema."""

from conformance import shapes
from conformance.calls import valid
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import Json, show
from conformance.target import SCRIPTED, Target, completed

REQUEST = "https://github.com/openai/openai-openapi CreateChatCompletionRequest.response_format"
OUTPUTS = "https://platform.openai.com/docs/guides/structured-outputs"
ASKED: list[Json] = [{"role": "user", "content": "Answer in JSON: make up a small, complete example."}]


def closed(**properties: Json) -> dict[str, Json]:
    """An object with all of these properties and no others, as `strict` demands it."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TEXT: dict[str, Json] = {"type": "string"}
SCHEMAS: dict[str, dict[str, Json]] = {
    "flat": closed(name=TEXT, age={"type": "integer"}, member={"type": "boolean"}),
    "nested": closed(person=closed(name=TEXT, address=closed(city=TEXT, zip=TEXT)), note={"type": "null"}),
    "enum": closed(colour={"type": "string", "enum": ["red", "green"]}, kind={"const": "lamp"}),
    "array": closed(steps={"type": "array", "items": closed(step=TEXT, took={"type": "number"})}),
    "bounds": closed(
        score={"type": "integer", "minimum": 3, "maximum": 5},
        tags={"type": "array", "items": TEXT, "minItems": 2, "maxItems": 3},
    ),
    "anyOf": closed(value={"anyOf": [closed(text=TEXT), {"type": "null"}]}, either={"type": ["string", "null"]}),
    "$ref": {
        "$defs": {"point": closed(x={"type": "number"}, y={"type": "number"})},
        **closed(start={"$ref": "#/$defs/point"}, end={"$ref": "#/$defs/point"}),
    },
    "recursive $ref": {
        "$defs": {
            "node": closed(value={"type": "integer"}, next={"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]})
        },
        **closed(list={"$ref": "#/$defs/node"}),
    },
}


def schema_format(schema: object, *, strict: bool | None = True, name: str = "example") -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}}


def asking(response_format: object, **fields: object) -> dict[str, object]:
    return {"response_format": response_format, "messages": ASKED, "max_tokens": 600} | fields


def unfinished(target: Target, finish: str | None) -> bool:
    """Whether the answer was cut at the limit, as a rambling model's may be: it says so, and nothing else is known."""
    return finish == "length" and "scripted" not in target.has


def offered(target: Target, response_format: dict[str, object]) -> None:
    """Not applicable where the plainest request of the kind is refused."""
    completed(
        shapes.offered(target.chat_reply(**asking(response_format)), f"response_format {response_format['type']}")
    )


@case("structured.json-object", rule=f"{REQUEST}: json_object ensures the message is valid JSON", complaint=7)
def json_object(target: Target) -> None:
    """A code fence, or one friendly sentence before the brace, breaks every parser."""
    found = completed(shapes.offered(target.chat_reply(**asking({"type": "json_object"})), "json_object"))
    stream = target.stream(**asking({"type": "json_object"}))
    choice = found["choices"][0]
    for name, text, finish in (
        ("whole", choice["message"]["content"].text(), choice["finish_reason"].text()),
        ("streamed", stream.text, stream.finish),
    ):
        if unfinished(target, finish):
            raise NotApplicable("the model does not come to an end")
        if not isinstance(valid(text, {"type": "object"}, f"{name} content"), dict):
            raise Failed(f"{name}: {show(text)}")


@case("structured.schema", rule=f"{OUTPUTS}: the answer adheres to the supplied JSON Schema", complaint=7)
def schema(target: Target) -> None:
    """The promise of structured outputs: no key missing, none made up, no value outside its enum."""
    offered(target, schema_format(SCHEMAS["flat"]))
    wrong, cut = [], 0
    for name, one in SCHEMAS.items():
        try:
            choice = target.chat(**asking(schema_format(one)))["choices"][0]
            if unfinished(target, choice["finish_reason"].text()):
                cut += 1
                continue
            valid(choice["message"]["content"].text(), one, "content")
            if choice["finish_reason"].text() != "stop":
                raise Failed(f"finish_reason is {choice['finish_reason'].text()!r}")
        except Failed as failed:
            wrong.append(f"{name}: {failed}")
    fail_if(wrong)
    if cut == len(SCHEMAS):
        raise NotApplicable("the model does not come to an end")


@case("structured.stream", rule=f"{OUTPUTS}: streaming: the same answer in pieces", complaint=7)
def stream(target: Target) -> None:
    """Whoever constrains the whole reply only streams prose."""
    offered(target, schema_format(SCHEMAS["flat"]))
    for name in ("nested", "array", "$ref"):
        fields = asking(schema_format(SCHEMAS[name]))
        seen = target.stream(**fields)
        if unfinished(target, seen.finish):
            continue
        valid(seen.text, SCHEMAS[name], f"{name}, streamed")
        if "scripted" not in target.has:
            continue
        if seen.text != target.chat(**fields)["choices"][0]["message"]["content"].text():
            raise Failed(f"{name}: streamed {show(seen.text)} differs from the whole reply")
        if sum(bool(choice["delta"].get("content").value) for choice in seen.choices) < 2:
            raise Failed(f"{name}: the answer came in one piece")


@case("structured.not-strict", rule=f"{REQUEST}: strict is optional, its default is false")
def not_strict(target: Target) -> None:
    """Half of the clients leave `strict` out; null is what typed ones send."""
    offered(target, schema_format(SCHEMAS["flat"]))
    for fields in (schema_format(SCHEMAS["flat"], strict=value) for value in (False, None)):
        text = target.chat(**asking(fields))["choices"][0]["message"]["content"].text()
        if "scripted" in target.has:  # others may take the schema for a hint
            valid(text, SCHEMAS["flat"], "content")


@case("structured.loose-schema", rule="pydantic and zod write annotations, formats and defaults", needs=("scripted",))
def loose_schema(target: Target) -> None:
    """Schemas of client libraries hold titles, descriptions and optional properties: none of it is an error."""
    loose: dict[str, Json] = {
        "title": "Person",
        "description": "Somebody",
        "type": "object",
        "properties": {"name": {"title": "Name", "type": "string", "minLength": 1}, "age": {"type": "integer"}},
        "required": ["name"],
    }
    text = target.chat(**asking(schema_format(loose, strict=None)))["choices"][0]["message"]["content"].text()
    valid(text, loose, "content")


@case("structured.bad-format", rule=f"{REQUEST}: required type, json_schema.name, .schema", complaint=(7, 17))
def bad_format(target: Target) -> None:
    """A format that is not understood is told; text instead of JSON fails much later, somewhere else."""
    offered(target, schema_format(SCHEMAS["flat"]))
    place = "response_format.json_schema"
    bad: dict[str, tuple[object, str]] = {
        "no schema at all": ({"type": "json_schema"}, place),
        "no name": ({"type": "json_schema", "json_schema": {"schema": SCHEMAS["flat"]}}, f"{place}.name"),
        "a name of words": (schema_format(SCHEMAS["flat"], name="my example"), f"{place}.name"),
        "an unknown type": ({"type": "yaml"}, "response_format.type"),
        "a schema as text": (schema_format("{}"), f"{place}.schema"),
    }
    wrong = []
    for name, (value, param) in bad.items():
        try:
            exact = param if "scripted" in target.has else ...
            shapes.error(target.chat_reply(**asking(value)), 400, param=exact)
        except Failed as failed:
            wrong.append(f"{name}: {failed}")
    fail_if(wrong)


@case("structured.bad-schema", rule=f"{OUTPUTS}: 400 for a schema that is invalid or not supported", complaint=7)
def bad_schema(target: Target) -> None:
    """What cannot be kept must not be promised: before the first byte, and as the client's mistake, not as a 500."""
    offered(target, schema_format(SCHEMAS["flat"]))
    bad: dict[str, dict[str, Json]] = {
        "an unknown type": {"type": "nonsense"},
        "a dangling $ref": closed(a={"$ref": "#/$defs/nowhere"}),
        "required as text": {"type": "object", "properties": {"a": TEXT}, "required": "a"},
    }
    wrong = []
    for name, one in bad.items():
        for streams in (False, True):
            try:
                shapes.error(target.chat_reply(**asking(schema_format(one), stream=streams)), 400)
            except Failed as failed:
                wrong.append(f"{name}{', streamed' if streams else ''}: {failed}")
    fail_if(wrong)


@case("structured.unsatisfiable", rule="scripted: a schema that no JSON satisfies is a 400", needs=("scripted",))
def unsatisfiable(target: Target) -> None:
    """Neither an answer that breaks the schema nor a search without an end."""
    for one in (
        closed(a={"type": "integer", "minimum": 5, "maximum": 3}),
        closed(a={"allOf": [{"type": "string"}, {"type": "integer"}]}),
        {"$defs": {"a": closed(a={"$ref": "#/$defs/a"})}, "$ref": "#/$defs/a"},
    ):
        reply = target.chat_reply(**asking(schema_format(one), model=SCRIPTED))
        shapes.error(reply, 400, param="response_format", code="invalid_schema")
    target.alive()
