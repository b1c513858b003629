# Objects: built from values for their properties, then varied, one property at a time, with fewer and with more.
#
# A property must satisfy what every schema of the case says of its name. The variants are for whoever cannot use the
# first object (`not`, `oneOf`, `uniqueItems`).
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Final, Literal

from pydantic import JsonValue

from .case import Case, Goal
from .inside import Inside, smallest
from .scalars import interleave
from .vocabulary import Part

__all__ = ("objects",)

_NAMES: Final = 64  # names that may be tried in vain when one must be invented
_ANY_NAME: Final[JsonValue] = {"type": "string", "minLength": 1, "examples": ["property"]}


def objects(case: Case, path: str, inside: Inside) -> Iterator[JsonValue]:
    """Objects that all schemas of the case allow."""
    return _Objects(case, path, inside).values()


class _Objects:
    def __init__(self, case: Case, path: str, inside: Inside) -> None:
        self._schemas, self._path, self._inside = case.schemas, path, inside
        self._least = max((schema.get("minProperties", 0) for schema, _ in case.schemas), default=0)
        self._most = smallest(schema.get("maxProperties") for schema, _ in case.schemas)
        self._names: list[Part] = [
            (schema["propertyNames"], f"{where}/propertyNames")
            for schema, where in case.schemas
            if "propertyNames" in schema
        ]
        self._declared = dict.fromkeys(name for schema, _ in case.schemas for name in schema.get("properties", ()))
        self._needy = any("dependentRequired" in schema for schema, _ in case.schemas)
        self._required = self._with_needs(name for schema, _ in case.schemas for name in schema.get("required", ()))

    def values(self) -> Iterator[JsonValue]:
        least: dict[str, JsonValue] = {}
        if not self._may_have(len(self._required)):
            self._inside.fail(self._path, f"more properties are required than the {self._most} it may have")
            return
        for name in self._required:
            for value in self._member(name):
                least[name] = value
                break
            else:
                return
        full = dict(least)
        if self._inside.shown:
            for name in self._declared:
                self._add(full, name)
        self._fill(least)
        self._fill(full)
        if len(full) < self._least:
            self._inside.fail(self._path, f"it cannot have {self._least} properties")
            return
        full = self._in_order(full)
        yield full
        if least.keys() < full.keys():
            yield self._in_order(least)
        yield from interleave([*(self._changed(full, name) for name in full), self._fewer(full), self._more(full)])

    def _member(self, name: str) -> Iterator[JsonValue]:
        document = self._inside.document
        for part in self._names:
            if not document.holds(part, name):
                self._inside.fail(part[1], f"it forbids '{name[:80]}'")
                return iter(())
        parts = [part for schema, path in self._schemas for part in document.members(schema, path, name)]
        return self._inside.values(Goal(tuple(parts)))

    def _add(self, members: dict[str, JsonValue], name: str) -> bool:
        """Add a property and those it needs, or none of them."""
        added: dict[str, JsonValue] = {}
        names = [needed for needed in self._with_needs([name]) if needed not in members]
        if not names or not self._may_have(len(members) + len(names)):
            return False
        for needed in names:
            for value in self._member(needed):
                added[needed] = value
                break
            else:
                return False
        members.update(added)
        return True

    def _fill(self, members: dict[str, JsonValue]) -> None:
        larger = self._larger(members)
        while len(members) < self._least and next(larger, False):
            pass

    def _invented(self) -> Iterator[str]:
        """Names that are not declared, and may do."""
        sources: list[JsonValue] = [
            {"type": "string", "pattern": pattern}
            for schema, _ in self._schemas
            for pattern in schema.get("patternProperties", ())
        ]
        if not any(schema.get("additionalProperties") is False for schema, _ in self._schemas):
            sources.append(_ANY_NAME)
        for source in sources:
            for name in self._inside.values(Goal(((source, self._path), *self._names))):
                if isinstance(name, str) and name not in self._declared:
                    yield name

    def _with_needs(self, names: Iterable[str]) -> list[str]:
        """The names and all that `dependentRequired` says they bring along."""
        found = dict.fromkeys(names)
        todo = list(found) if self._needy else []
        while todo:
            name = todo.pop()
            for schema, _ in self._schemas:
                for needed in schema.get("dependentRequired", {}).get(name, ()):
                    if needed not in found:
                        found[needed] = None
                        todo.append(needed)
        return list(found)

    def _changed(self, members: Mapping[str, JsonValue], name: str) -> Iterator[JsonValue]:
        for value in islice(self._member(name), 1, None):
            yield {**members, name: value}

    def _fewer(self, members: Mapping[str, JsonValue]) -> Iterator[JsonValue]:
        for name in members:
            others = [other for other in members if other != name]
            if len(others) >= self._least and name not in self._with_needs([*self._required, *others]):
                yield {other: members[other] for other in others}

    def _more(self, members: Mapping[str, JsonValue]) -> Iterator[JsonValue]:
        more = dict(members)
        for _ in self._larger(more):
            yield self._in_order(more)

    def _larger(self, members: dict[str, JsonValue]) -> Iterator[Literal[True]]:
        """Add one property after the other, as long as there are any."""
        misses = 0
        for name in chain(self._declared, self._invented()):
            if not self._may_have(len(members) + 1) or misses > _NAMES:
                break
            if self._add(members, name):
                yield True
            elif name not in self._declared:
                misses += 1

    def _in_order(self, members: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        declared = {name: members[name] for name in self._declared if name in members}
        return {**declared, **members}

    def _may_have(self, size: int) -> bool:
        return self._most is None or size <= self._most
