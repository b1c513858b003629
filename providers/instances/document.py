# A JSON Schema document: where its references lead, and whether a value is valid.
#
# A schema is read when it is first needed, and once: it is known by the identity of its dict, which lives as long as
# the document. Known keywords that cannot be honoured are refused, and so are malformed ones.
from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import unquote

from pydantic import JsonValue, TypeAdapter, ValidationError

from .errors import Budget, Unsatisfiable
from .languages import Languages, Term
from .patterns import PatternError, language
from .vocabulary import Part, Schema, fits_number, fits_type, fixed, identity, item

__all__ = ("Document",)

_REFUSED: Final = ("unevaluatedProperties", "unevaluatedItems", "$dynamicRef")
_DEEPEST: Final = 100  # nested containers in the schema; schemas at work in one another

_SCHEMA: Final = TypeAdapter(Schema)
_NOTHING: Final[Schema] = {}
_IMPOSSIBLE: Final[Schema] = {"enum": []}


class Document:
    """One schema document and the steps that may be taken in it."""

    def __init__(self, root: JsonValue, budget: Budget) -> None:
        self.root = root
        self.budget = budget
        self.languages = Languages(budget)
        self._read: dict[int, tuple[JsonValue, Schema]] = {}  # the dict too: its id is no other's while it lives
        self._fixed: dict[int, Mapping[Hashable, JsonValue]] = {}
        self._dependents: dict[int, list[tuple[str, JsonValue, JsonValue]]] = {}
        self._patterns: dict[str, Term] = {}
        self._working: set[tuple[int, int]] = set()
        self._anchors = dict(_anchors(root))

    def read(self, part: Part) -> Schema:
        """The keywords of a schema.

        :raises Unsatisfiable: if one is malformed, or is refused.
        """
        schema, path = part
        if isinstance(schema, bool):
            return _NOTHING if schema else _IMPOSSIBLE
        if (known := self._read.get(id(schema))) is not None:
            return known[1]
        if not isinstance(schema, dict):
            raise Unsatisfiable(path, "a schema must be an object, true or false")
        try:
            result = _SCHEMA.validate_python(schema, strict=True)
        except ValidationError as wrong:
            error = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
            if error["loc"][0] in _REFUSED:
                raise Unsatisfiable(path, f"'{error['loc'][0]}' is not supported") from None
            raise Unsatisfiable(f"{path}/{error['loc'][0]}", "this is not what the keyword takes") from None
        self._read[id(schema)] = schema, result
        return result

    def target(self, part: Part) -> Part:
        """Where the `$ref` of the schema leads; only to places in the document itself."""
        ref = self.read(part)["$ref"]
        base = self.root.get("$id") if isinstance(self.root, dict) else None
        place = ref.removeprefix(base.rstrip("#")) if isinstance(base, str) else ref
        pointer = unquote(place.removeprefix("#"))
        found: JsonValue = self.root
        if not place.startswith("#") and place:
            raise Unsatisfiable(f"{part[1]}/$ref", f"'{ref}' leads out of the document")
        if pointer and not pointer.startswith("/"):
            found = self._anchors.get(pointer)
        for key in pointer.split("/")[1:]:
            key = key.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict):
                found = found.get(key)
            elif isinstance(found, list) and key.isdecimal() and len(key) < 9 and int(key) < len(found):
                found = found[int(key)]
            else:
                found = None
        if not isinstance(found, dict | bool):
            raise Unsatisfiable(f"{part[1]}/$ref", f"'{ref}' leads to no schema")
        return found, "#" + pointer

    def fixed(self, schema: Schema) -> Mapping[Hashable, JsonValue] | None:
        """The values `enum` and `const` leave, by their identity; None if there are no such keywords."""
        if "enum" not in schema and "const" not in schema:
            return None
        if id(schema) not in self._fixed:
            self._fixed[id(schema)] = fixed(schema)
        return self._fixed[id(schema)]

    def dependents(self, schema: Schema) -> list[tuple[str, JsonValue, JsonValue]]:
        """For each dependent schema: its name, and schemas that say that the property is there, or is not."""
        if id(schema) not in self._dependents:
            self._dependents[id(schema)] = [
                (name, {"required": [name]}, {"properties": {name: False}}) for name in schema["dependentSchemas"]
            ]
        return self._dependents[id(schema)]

    def pattern(self, pattern: str, path: str) -> Term:
        """The language of a pattern that stands at the path."""
        if (term := self._patterns.get(pattern)) is None:
            try:
                term = self._patterns[pattern] = language(pattern, self.languages)
            except PatternError as wrong:
                raise Unsatisfiable(path, f"the pattern '{pattern[:80]}' cannot be read: {wrong}") from None
        return term

    def found(self, pattern: str, path: str, text: str) -> bool:
        """Whether the pattern that stands at the path is found in the text."""
        return self.languages.matches(self.pattern(pattern, path), text)

    def holds(self, part: Part, value: JsonValue) -> bool:
        """Whether the value is valid. Formats are annotations here, as the draft has it."""
        self.budget.spend()
        if isinstance(part[0], bool):
            return part[0]
        work = id(part[0]), id(value)
        if work in self._working:
            raise Unsatisfiable(part[1], "the schema refers to itself without an end")
        if len(self._working) >= _DEEPEST:
            raise Unsatisfiable(part[1], f"more than {_DEEPEST} schemas stand in one another")
        self._working.add(work)
        try:
            return self._holds(self.read(part), part, value)
        finally:
            self._working.discard(work)

    def _holds(self, schema: Schema, part: Part, value: JsonValue) -> bool:
        if "type" in schema and not fits_type(schema["type"], value):
            return False
        values = self.fixed(schema)
        if values is not None and identity(value) not in values:
            return False
        if isinstance(value, str):
            fits = self._string(schema, part[1], value)
        elif isinstance(value, list):
            fits = self._array(schema, part[1], value)
        elif isinstance(value, dict):
            fits = self._object(schema, part[1], value)
        else:
            fits = value is None or isinstance(value, bool) or fits_number(schema, value)
        return fits and self._applied(schema, part, value)

    def _applied(self, schema: Schema, part: Part, value: JsonValue) -> bool:
        path = part[1]
        if "$ref" in schema and not self.holds(self.target(part), value):
            return False
        for index, every in enumerate(schema.get("allOf", ())):
            if not self.holds((every, f"{path}/allOf/{index}"), value):
                return False
        if "anyOf" in schema and not self._matching(schema["anyOf"], f"{path}/anyOf", value, enough=1):
            return False
        if "oneOf" in schema and self._matching(schema["oneOf"], f"{path}/oneOf", value, enough=2) != 1:
            return False
        if "not" in schema and self.holds((schema["not"], f"{path}/not"), value):
            return False
        if "if" in schema:
            if self.holds((schema["if"], f"{path}/if"), value):
                return self.holds((schema.get("then", True), f"{path}/then"), value)
            return self.holds((schema.get("else", True), f"{path}/else"), value)
        return True

    def _matching(self, branches: Sequence[JsonValue], path: str, value: JsonValue, *, enough: int) -> int:
        """How many branches the value matches; counted no further than enough."""
        matches = 0
        for index, branch in enumerate(branches):
            matches += self.holds((branch, f"{path}/{index}"), value)
            if matches == enough:
                break
        return matches

    def _string(self, schema: Schema, path: str, value: str) -> bool:
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return False
        return "pattern" not in schema or self.found(schema["pattern"], f"{path}/pattern", value)

    def _array(self, schema: Schema, path: str, value: list[JsonValue]) -> bool:
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return False
        if schema.get("uniqueItems", False) and len(set(map(identity, value))) < len(value):
            return False
        for index, member in enumerate(value):
            if not self.holds(item(schema, path, index), member):
                return False
        if "contains" not in schema:
            return True
        matches = 0
        for member in value:
            matches += self.holds((schema["contains"], f"{path}/contains"), member)
        return schema.get("minContains", 1) <= matches <= schema.get("maxContains", matches)

    def _object(self, schema: Schema, path: str, value: dict[str, JsonValue]) -> bool:
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
            return False
        for name in schema.get("required", ()):
            if name not in value:
                return False
        for name, others in schema.get("dependentRequired", {}).items():
            if name in value and not value.keys() >= set(others):
                return False
        for name, dependent in schema.get("dependentSchemas", {}).items():
            if name in value and not self.holds((dependent, f"{path}/dependentSchemas/{name}"), value):
                return False
        for name, member in value.items():
            if not self.holds((schema.get("propertyNames", True), f"{path}/propertyNames"), name):
                return False
            for sub in self.members(schema, path, name):
                if not self.holds(sub, member):
                    return False
        return True

    def members(self, schema: Schema, path: str, name: str) -> Iterator[Part]:
        """What an object's schema asks of the property of this name."""
        known = name in schema.get("properties", ())
        if known:
            yield schema["properties"][name], f"{path}/properties/{_escaped(name)}"
        for pattern, sub in schema.get("patternProperties", {}).items():
            where = f"{path}/patternProperties/{_escaped(pattern)}"
            if self.found(pattern, where, name):
                known = True
                yield sub, where
        if not known and "additionalProperties" in schema:
            yield schema["additionalProperties"], f"{path}/additionalProperties"


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _anchors(root: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    level: list[JsonValue] = [root]
    for _ in range(_DEEPEST):
        below: list[JsonValue] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
                if isinstance(anchor := value.get("$anchor"), str):
                    yield anchor, value
            elif isinstance(value, list):
                below += value
        level = [value for value in below if isinstance(value, dict | list)]
        if not level:
            return
    raise Unsatisfiable("#", f"more than {_DEEPEST} objects and arrays stand in one another")
