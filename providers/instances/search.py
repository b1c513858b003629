# The search for a value: a goal is split into cases, a case makes values of its types, compounds ask for their parts.
#
# Streams all the way: each level yields one value after the other, and whoever cannot use one takes the next. What
# keeps it finite:
# - A case that demands all that a case around it demands is refused: a smallest value never contains another value that
#   would do in its place. So a linked list ends, and a tree that cannot end is told from one that can. For the same
#   reason a goal is not wanted a third time inside of itself; the second time shows how it recurses.
# - Schemas that must not hold (`not`, the others of a `oneOf`) are at first only tested; when values keep matching one,
#   it is turned into its opposite (negation.py) and the case goes on with that. Most never cost more than the test.
# - Steps are counted, and values nest no deeper than `_DEEPEST`.
from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from pydantic import JsonValue

from .arrays import arrays
from .case import WRAPPING, Case, Goal, cases
from .document import Document
from .inside import Inside
from .negation import negations
from .objects import objects
from .scalars import interleave, numbers, strings
from .vocabulary import Part

__all__ = ("Search",)

_DEEPEST: Final = 24
_MISSES: Final = 16  # values that match a schema they must not match, before it is turned into its opposite
_TURNS: Final = 2  # times that the same may be wanted at places inside of one another

#: What was wanted in the places around this one, and the cases that were taken; outermost first.
_Above = tuple[tuple[frozenset[int], frozenset[int]], ...]


class Search:
    """Finds instances in a document; `why` says where and why the last try failed.

    :param shown: the depth down to which values show their shape instead of being as small as they can.
    """

    def __init__(self, document: Document, *, shown: int) -> None:
        self.why = "#", "it has no instance"
        self._document = document
        self._shown = shown
        self._opposites: dict[int, list[Part]] = {}

    def values(self, goal: Goal, depth: int = 0, above: _Above = ()) -> Iterator[JsonValue]:
        """Values for the goal, at a depth in the instance, inside of other cases."""
        self._document.budget.spend()
        if depth > _DEEPEST:
            self._fail(goal.path, f"the instance would nest deeper than {_DEEPEST} levels")
            return
        yield from self._ways(Case([*goal.parts], [*goal.never]), goal.path, depth, above)

    def _ways(self, start: Case, path: str, depth: int, above: _Above) -> Iterator[JsonValue]:
        for case in cases(start, self._document, lean=not self._shown, fail=self._fail):
            origin, key = case.origin or frozenset(), case.demands(WRAPPING)
            if any(around <= key for _, around in above) or sum(around <= origin for around, _ in above) >= _TURNS:
                self._fail(path, "the instance contains itself without an end")
            else:
                within = (*above, (origin, key))
                yield from self._accepted(case, path, depth, above, within)

    def _accepted(self, case: Case, path: str, depth: int, above: _Above, within: _Above) -> Iterator[JsonValue]:
        missed: dict[int, Part] = {}
        misses = 0
        for value in self._made(case, path, depth, within):
            hit = next((part for part in case.never if self._document.holds(part, value)), None)
            if hit is None:
                yield value
                continue
            missed[id(hit[0])] = hit
            self._fail(hit[1], "whatever satisfies the rest matches this, and must not")
            misses += 1
            if misses == _MISSES:
                break
        for part in missed.values():
            for opposite in self._opposite(part):
                other = case.branch(Goal((opposite,)))
                other.never = [rest for rest in case.never if rest is not part]
                yield from self._ways(other, path, depth, above)

    def _made(self, case: Case, path: str, depth: int, within: _Above) -> Iterator[JsonValue]:
        """Values that satisfy the case's schemas; `never` is not looked at."""
        self._document.budget.spend(len(case.schemas) // 2)
        choices = [fixed for schema, _ in case.schemas if (fixed := self._document.fixed(schema)) is not None]
        if choices:
            found = False
            for value in min(choices, key=len).values():
                if self._holds(case, value):
                    found = True
                    yield value
            if not found:
                self._fail(path, "none of the values that enum or const leaves satisfies the rest")
            return
        for schema, _ in case.schemas:
            examples = schema.get("examples")
            for example in examples if isinstance(examples, list) else ():
                if self._holds(case, example):
                    yield example
        values = partial(self.values, depth=depth + 1, above=within)
        inside = Inside(self._document, values, self._fail, shown=depth < self._shown)
        found = False
        for value in interleave([self._typed(name, case, path, inside) for name in case.types]):
            found = True
            yield value
        if not found and not {"array", "object"} & set(case.types):
            said = sorted({keyword for schema, _ in case.schemas for keyword in schema} - {"type", "examples"})
            self._fail(path, f"no {' or '.join(case.types)} satisfies {', '.join(said)}")

    def _typed(self, name: str, case: Case, path: str, inside: Inside) -> Iterator[JsonValue]:
        match name:
            case "object":
                return objects(case, path, inside)
            case "array":
                return arrays(case, path, inside)
            case "string":
                return strings(case, self._document)
            case "number":
                return numbers(case, self._document.budget)
            case "boolean":
                return iter((True, False))
        return iter((None,))

    def _holds(self, case: Case, value: JsonValue) -> bool:
        return all(self._document.holds(part, value) for part in case.parts)

    def _opposite(self, part: Part) -> list[Part]:
        known = self._opposites.get(id(part[0]))
        if known is None:
            known = [(way, part[1]) for way in negations(part, self._document)]
            self._opposites[id(part[0])] = known
        return known

    def _fail(self, path: str, reason: str) -> None:
        self.why = path, reason
