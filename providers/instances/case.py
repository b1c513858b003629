# One way to satisfy a goal: every choice (`anyOf`, `oneOf`, `if`, dependent schemas) made, every reference followed, so
# that what is left is a plain list of schemas that must hold, and of schemas that must not.
#
# `cases` yields the ways in the order in which the schema writes its branches. What needs no choice is followed first,
# so that types that exclude each other end a way early; a depth-first stack of ways, no recursion.
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .document import Document
from .vocabulary import Part, Schema

__all__ = ("WRAPPING", "Case", "Goal", "cases")

_TYPES: Final = ("object", "string", "number", "boolean", "array", "null")
#: Keywords that speak of other schemas, or of nothing.
WRAPPING: Final = frozenset({
    "$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "examples",
})  # fmt: skip
_PLAIN: Final = frozenset({"$ref", "allOf", "examples"})  # those that offer no choice
_HINTS: Final = {
    "object": {"properties", "patternProperties", "additionalProperties", "propertyNames", "required",
               "dependentRequired", "minProperties", "maxProperties"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "array": {"prefixItems", "items", "minItems", "maxItems", "uniqueItems", "contains"},
}  # fmt: skip


class Goal(NamedTuple):
    """A value is wanted for which all `parts` hold, none of `never`, and of `among` none but what is in `parts`."""

    parts: tuple[Part, ...]
    never: tuple[Part, ...] = ()
    among: Sequence[Part] = ()

    @property
    def path(self) -> str:
        return self.parts[0][1] if self.parts else "#"

    @property
    def key(self) -> tuple[int, ...]:
        """Equal for goals that ask the same."""
        return (*(id(part[0]) for part in self.parts), *(~id(part[0]) for part in self.never))


@dataclass(slots=True)
class Case:
    """What has been followed (`parts`, and the same read: `schemas`), and what is still to follow or to choose."""

    todo: list[Part]
    never: list[Part]
    parts: list[Part] = field(default_factory=list)
    schemas: list[tuple[Schema, str]] = field(default_factory=list)
    choices: list[Sequence[Goal]] = field(default_factory=list)
    types: Sequence[str] = _TYPES  # in the order in which they are tried
    typed: bool = False
    integral: bool = False  # of the numbers, integers only
    origin: frozenset[int] | None = None  # what was demanded before the first choice

    def demands(self, besides: AbstractSet[str]) -> frozenset[int]:
        """A key that contains the key of any case that demands no more.

        :param besides: keywords that demand nothing by themselves.
        """
        own = [id(part[0]) for part, (schema, _) in zip(self.parts, self.schemas, strict=True)
               if not schema.keys() <= besides]  # fmt: skip
        return frozenset([*own, *(~id(part[0]) for part in self.never)])

    def branch(self, goal: Goal) -> Case:
        """The case with more to satisfy."""
        others = (part for part in goal.among if all(part is not own for own in goal.parts))
        return Case(
            [*goal.parts],
            [*self.never, *goal.never, *others],
            [*self.parts],
            [*self.schemas],
            [*self.choices],
            self.types,
            self.typed,
            self.integral,
            self.origin,
        )


def cases(start: Case, document: Document, *, lean: bool, fail: Callable[[str, str], None]) -> Iterator[Case]:
    """All ways to satisfy what is to do at the start, or hears of `fail` why some are none.

    :param lean: branches that end soon come first.
    """
    pending = [iter((start,))]
    while pending:
        case = next(pending[-1], None)
        if case is None:
            pending.pop()
            continue
        if not _settled(case, document):
            fail(case.todo[-1][1], "nothing can satisfy this together with the rest")
            continue
        if case.origin is None:
            case.origin = case.demands(_PLAIN)
        if not case.choices:
            yield case
            continue
        choice = case.choices.pop(0)
        if lean:
            choice = sorted(choice, key=lambda goal: _weight(goal, document))
        pending.append(map(case.branch, choice))


def _settled(case: Case, document: Document) -> bool:
    """Follow all that needs no choice; False if it contradicts itself, with the culprit last in `todo`."""
    document.budget.spend((len(case.parts) + len(case.never)) // 16)
    seen = {id(part[0]) for part in case.parts}
    while case.todo:
        document.budget.spend()
        part = case.todo[-1]
        schema = document.read(part)
        if not _typed(case, schema) or document.fixed(schema) == {}:
            return False
        case.todo.pop()
        if id(part[0]) in seen or not schema:
            continue
        seen.add(id(part[0]))
        case.parts.append(part)
        case.schemas.append((schema, part[1]))
        if schema.keys() & WRAPPING:
            _follow(case, document, part, schema)
    return True


def _follow(case: Case, document: Document, part: Part, schema: Schema) -> None:
    path = part[1]
    if "$ref" in schema:
        case.todo.append(document.target(part))
    case.todo += [(every, f"{path}/allOf/{index}") for index, every in enumerate(schema.get("allOf", ()))]
    if "not" in schema:
        case.never.append((schema["not"], f"{path}/not"))
    if "anyOf" in schema:
        case.choices.append([Goal(((one, f"{path}/anyOf/{index}"),)) for index, one in enumerate(schema["anyOf"])])
    if "oneOf" in schema:
        ones = [(one, f"{path}/oneOf/{index}") for index, one in enumerate(schema["oneOf"])]
        case.choices.append([Goal((one,), among=ones) for one in ones])
    if "if" in schema:
        test = schema["if"], f"{path}/if"
        then, other = (schema.get("then", True), f"{path}/then"), (schema.get("else", True), f"{path}/else")
        case.choices.append([Goal((test, then)), Goal((other,), (test,))])
    if "dependentSchemas" in schema:
        for name, there, missing in document.dependents(schema):
            dependent = schema["dependentSchemas"][name], f"{path}/dependentSchemas/{name}"
            case.choices.append([Goal((dependent, (there, path))), Goal(((missing, path),))])


def _typed(case: Case, schema: Schema) -> bool:
    # The order of the types is the first schema's that has an opinion; null comes last.
    if "type" in schema:
        names = schema["type"]
        kinds = ["number" if name == "integer" else name for name in names]
        kept = [name for name in case.types if name in kinds] if case.typed else list(dict.fromkeys(kinds))
        case.types = kept if len(kept) < 2 else sorted(kept, key="null".__eq__)
        case.integral = case.integral or ("integer" in names and "number" not in names)
        case.typed = True
    elif not case.typed:
        hinted = {name for name, keywords in _HINTS.items() if schema.keys() & keywords}
        case.types = sorted(case.types, key=lambda name: name not in hinted)
    return bool(case.types)


def _weight(goal: Goal, document: Document) -> int:
    schemas: Sequence[Schema] = [document.read(part) for part in goal.parts]
    return sum(("$ref" in schema) * 2 + bool(schema.keys() & _HINTS["object"]) for schema in schemas)
