# Arrays: built from values for their items, then varied, one item at a time, then made longer.
#
# What `contains` asks for becomes part of the goals of the first items that suit. The variants are for whoever cannot
# use the first array (`not`, `oneOf`, `uniqueItems`).
from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from copy import copy
from itertools import islice, tee

from pydantic import JsonValue

from .case import Case, Goal
from .inside import Inside, smallest
from .scalars import interleave
from .vocabulary import Part, identity, item

__all__ = ("arrays",)


def arrays(case: Case, path: str, inside: Inside) -> Iterator[JsonValue]:
    """Arrays that all schemas of the case allow."""
    return _Arrays(case, path, inside).values()


class _Arrays:
    def __init__(self, case: Case, path: str, inside: Inside) -> None:
        self._schemas, self._path, self._inside = case.schemas, path, inside
        self._least = max((schema.get("minItems", 0) for schema, _ in case.schemas), default=0)
        self._most = smallest(schema.get("maxItems") for schema, _ in case.schemas)
        self._prefix = max((len(schema.get("prefixItems", ())) for schema, _ in case.schemas), default=0)
        self._unique = any(schema.get("uniqueItems", False) for schema, _ in case.schemas)

    def values(self) -> Iterator[JsonValue]:
        goals = self._needed()
        if goals is None:
            self._inside.fail(self._path, "no array is long enough, short enough, and contains what it must")
            return
        needed = len(goals)
        if self._inside.shown:
            shape = max(self._prefix, any("items" in schema for schema, _ in self._schemas))
            goals += [self._goal(index) for index in range(needed, shape) if self._may_have(index + 1)]
        relaxed = self._relaxed(goals)
        items = self._filled(relaxed, needed)
        if items is None:
            return
        yield items
        if len(items) > needed:
            yield items[:needed]
        changes = [self._changed(items, relaxed, at) for at in range(len(items))]
        yield from interleave([*changes, self._longer(goals[: len(items)])])

    def _needed(self) -> list[Goal] | None:
        """Goals for the items there must be; what `contains` asks for is asked of the first items that suit."""
        if not self._may_have(self._least):
            return None
        goals = []
        for index in range(self._least):
            self._inside.document.budget.spend()
            goals.append(self._goal(index))
        for schema, path in self._schemas:
            if "contains" in schema:
                least = schema.get("minContains", 1)
                if least > schema.get("maxContains", least):
                    return None
                if not self._contain((schema["contains"], f"{path}/contains"), least, goals):
                    return None
        return goals

    def _contain(self, part: Part, times: int, goals: list[Goal]) -> bool:
        index = 0
        while times:
            if index == len(goals):
                if not self._may_have(index + 1):
                    return False
                goals.append(self._goal(index))
            never = tuple(other for other in goals[index].never if other[0] is not part[0])
            goal = Goal((*goals[index].parts, part), never)
            if any(True for _ in self._inside.values(goal)):
                goals[index] = goal
                times -= 1
            elif index >= self._prefix and index == len(goals) - 1:
                return False  # nor would any item after this one
            index += 1
        return True

    def _goal(self, index: int) -> Goal:
        parts = [item(schema, path, index) for schema, path in self._schemas]
        full = [
            (schema["contains"], f"{path}/contains")
            for schema, path in self._schemas
            if "contains" in schema and "maxContains" in schema
        ]
        return Goal(tuple(part for part in parts if part[0] is not True), tuple(full))

    def _may_have(self, length: int) -> bool:
        return self._most is None or length <= self._most

    def _relaxed(self, goals: Sequence[Goal]) -> Sequence[Goal]:
        """The goals, where as many items as may match `contains` besides those that must need not avoid it."""
        for schema, _ in self._schemas:
            if "contains" in schema and "maxContains" in schema:
                part = schema["contains"]
                may = [index for index, goal in enumerate(goals) if any(other[0] is part for other in goal.never)]
                goals = list(goals)
                for index in may[: schema["maxContains"] - schema.get("minContains", 1)]:
                    never = tuple(other for other in goals[index].never if other[0] is not part)
                    goals[index] = Goal(goals[index].parts, never)
        return goals

    def _filled(self, goals: Sequence[Goal], needed: int) -> list[JsonValue] | None:
        """Items for the goals; the first that cannot be had ends the list, if it is not needed."""
        if self._unique:
            return self._distinct(goals, needed)
        items: list[JsonValue] = []
        firsts: dict[tuple[int, ...], JsonValue] = {}
        for goal in goals:
            self._inside.document.budget.spend()
            if goal.key not in firsts:
                for value in self._inside.values(goal):
                    firsts[goal.key] = value
                    break
                else:
                    return items if len(items) >= needed else None
            items.append(firsts[goal.key])
        return items

    def _distinct(self, goals: Sequence[Goal], needed: int) -> list[JsonValue] | None:
        items: list[JsonValue] = []
        keys: dict[Hashable, None] = {}
        streams: list[Iterator[JsonValue]] = []
        while len(items) < len(goals):
            at = len(items)
            if len(streams) == at:
                # Items of the same goal come in the order of its values: what was passed over stays so.
                same = at > 0 and goals[at].key == goals[at - 1].key
                streams.append(copy(streams[-1]) if same else tee(self._inside.values(goals[at]), 1)[0])
            for value in streams[-1]:
                self._inside.document.budget.spend()
                if (key := identity(value)) not in keys:
                    items.append(value)
                    keys[key] = None
                    break
            else:
                if at >= needed:
                    return items
                streams.pop()
                if not items:
                    return None
                self._inside.fail(self._path, f"there are no {needed} different items")
                items.pop()
                keys.popitem()
        return items

    def _changed(self, items: list[JsonValue], goals: Sequence[Goal], at: int) -> Iterator[JsonValue]:
        for value in islice(self._inside.values(goals[at]), 1, None):
            self._inside.document.budget.spend()
            changed = [*items[:at], value, *items[at + 1 :]]
            if not self._unique or len(set(map(identity, changed))) == len(changed):
                yield changed

    def _longer(self, goals: Sequence[Goal]) -> Iterator[JsonValue]:
        while self._may_have(len(goals) + 1):
            goals = [*goals, self._goal(len(goals))]
            items = self._filled(self._relaxed(goals), len(goals))
            if items is None:
                return
            yield items
