# Sets of strings as terms: what several patterns, their negations and bounds of length allow together.
#
# Brzozowski's derivatives (https://dl.acm.org/doi/10.1145/321239.321249): the derivative of a language by a character
# is what may follow that character. With it "and" and "not" are as easy as "or", a string is tested in one pass (no
# backtracking, so a stranger's pattern cannot hang us as it could hang `re`), and a shortest member is a breadth-first
# search. Terms are interned: the same language written the same way is the same object, so a search sees where it was.
# Characters are code points, as JSON Schema counts them.
from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import product
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from .errors import Budget

__all__ = ("LAST", "Languages", "Ranges", "Term", "outside")

#: Sorted, disjoint and not touching; both ends belong.
Ranges = tuple[tuple[int, int], ...]

LAST: Final = 0x10FFFF
#: What to write where several characters would do, best first.
_NICE: Final = ascii_lowercase + digits + ascii_uppercase + "-_ .,:;@/+=!?#$%&'()*<>[\\]^`{|}~\""
_SURROGATES: Final = range(0xD800, 0xE000)  # no character: JSON that holds one alone is read by few


class Term:
    """A language; made by `Languages` only, which never makes the same one twice."""

    __slots__ = ("kind", "least", "most", "nullable", "number", "parts", "ranges")

    def __init__(self, kind: str, number: int, nullable: bool, parts: tuple[Term, ...]) -> None:
        self.kind = kind  # chars (ranges), empty, cat, or, and, not (parts), repeat (a part, least, most)
        self.number = number
        self.nullable = nullable
        self.parts = parts
        self.ranges: Ranges = ()
        self.least = 0
        self.most: int | None = None


class Languages:
    """An algebra of languages; every operation costs steps of the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._terms: dict[tuple[str, tuple[Term, ...], tuple[object, ...]], Term] = {}
        self._derivatives: dict[tuple[Term, int], Term] = {}
        self._cuts = {0}  # where one character starts to differ from the one before, in any set seen
        self.nothing = self.chars(())
        self.empty = self._term("empty", True)
        self.any = self.repeat(self.chars(((0, LAST),)), 0, None)

    def chars(self, ranges: Iterable[tuple[int, int]]) -> Term:
        merged = _merged(ranges)
        for first, last in merged:
            self._cuts |= {first, last + 1}
        term = self._term("chars", False, (), merged)
        term.ranges = merged
        return term

    def text(self, text: str) -> Term:
        return self.cat(*(self.chars(((ord(char), ord(char)),)) for char in text))

    def cat(self, *terms: Term) -> Term:
        result = self.empty
        for term in reversed(terms):
            if self.nothing in (term, result):
                return self.nothing
            if self.empty in (term, result):
                result = result if term is self.empty else term
            else:
                result = self._term("cat", term.nullable and result.nullable, (term, result))
        return result

    def either(self, *terms: Term) -> Term:
        return self._set("or", terms, nothing=self.nothing, everything=self.any)

    def both(self, *terms: Term) -> Term:
        return self._set("and", terms, nothing=self.any, everything=self.nothing)

    def without(self, term: Term) -> Term:
        """All strings but these."""
        if term.kind == "not":
            return term.parts[0]
        if term in (self.nothing, self.any):
            return self.any if term is self.nothing else self.nothing
        return self._term("not", not term.nullable, (term,))

    def repeat(self, term: Term, least: int, most: int | None) -> Term:
        if most is not None and most < least:
            return self.nothing
        if most == 0 or term is self.empty:
            return self.empty
        if term is self.nothing:
            return self.nothing if least else self.empty
        if least == most == 1:
            return term
        result = self._term("repeat", least == 0 or term.nullable, (term,), (least, most))
        result.least, result.most = least, most
        return result

    def matches(self, term: Term, text: str) -> bool:
        self._budget.spend(len(text) // 32)
        for char in text:
            if term in (self.any, self.nothing):
                break
            term = self._derivative(term, ord(char))
        return term.nullable

    def members(self, term: Term) -> Iterator[str]:
        """Members, a shortest one first, each once; all of them if every character were nice."""
        while (path := self._shortest(term)) is not None:
            for letters in product(*(_letters(interval) for interval in path)):
                self._budget.spend(1 + len(letters) // 32)
                yield "".join(letters)
            # All strings of this shape are said, or would be ugly: go on with those of another.
            term = self.both(term, self.without(self.cat(*(self.chars((interval,)) for interval in path))))

    def _shortest(self, start: Term) -> list[tuple[int, int]] | None:
        """The characters of a shortest member, each as the interval of those that would do as well."""
        cuts = sorted(cut for cut in self._cuts if cut <= LAST)
        intervals = [(first, last - 1) for first, last in zip(cuts, [*cuts[1:], LAST + 1], strict=True)]
        steps = [(interval, ord(letters[0])) for interval in intervals if (letters := _letters(interval))]
        steps.sort(key=lambda step: rank if (rank := _NICE.find(chr(step[1]))) >= 0 else len(_NICE))
        before: dict[Term, tuple[Term, tuple[int, int]] | None] = {start: None}
        queue = deque([start])
        while queue:
            term = queue.popleft()
            if term.nullable:
                path = []
                while step := before[term]:
                    term, interval = step
                    path.append(interval)
                return path[::-1]
            for interval, char in steps:
                after = self._derivative(term, char)
                if after is not self.nothing and after not in before:
                    before[after] = term, interval
                    queue.append(after)
        return None

    def _derivative(self, term: Term, char: int) -> Term:
        if term.kind == "chars":
            index = bisect_right(term.ranges, (char, LAST)) - 1
            return self.empty if index >= 0 and char <= term.ranges[index][1] else self.nothing
        if term is self.empty:
            return self.nothing
        if (known := self._derivatives.get((term, char))) is not None:
            return known
        self._budget.spend()
        first = self._derivative(term.parts[0], char)
        if term.kind == "cat":
            head, tail = term.parts
            result = self.cat(first, tail)
            if head.nullable:
                result = self.either(result, self._derivative(tail, char))
        elif term.kind == "repeat":
            most = None if term.most is None else term.most - 1
            result = self.cat(first, self.repeat(term.parts[0], max(term.least - 1, 0), most))
        elif term.kind == "not":
            result = self.without(first)
        else:
            join = self.either if term.kind == "or" else self.both
            result = join(first, *[self._derivative(part, char) for part in term.parts[1:]])
        self._derivatives[term, char] = result
        return result

    def _set(self, kind: str, terms: Iterable[Term], *, nothing: Term, everything: Term) -> Term:
        # "Or" and "and" do not care for order or repetition: that is what makes the derivatives finitely many.
        flat: set[Term] = set()
        for term in terms:
            flat.update(term.parts if term.kind == kind else (term,))
        flat.discard(nothing)
        if everything in flat:
            return everything
        self._budget.spend(len(flat) // 8)
        if len(flat) < 2:
            return flat.pop() if flat else nothing
        parts = tuple(sorted(flat, key=lambda term: term.number))
        nullable = (any if kind == "or" else all)(part.nullable for part in parts)
        return self._term(kind, nullable, parts)

    def _term(self, kind: str, nullable: bool, parts: tuple[Term, ...] = (), more: tuple[object, ...] = ()) -> Term:
        term = self._terms.get((kind, parts, more))
        if term is None:
            self._budget.spend()
            term = self._terms[kind, parts, more] = Term(kind, len(self._terms), nullable, parts)
        return term


def outside(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """All characters but these."""
    result, start = [], 0
    for first, last in _merged(ranges):
        if first > start:
            result.append((start, first - 1))
        start = last + 1
    return (*result, (start, LAST)) if start <= LAST else tuple(result)


def _merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    result: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = result[-1][0], max(last, result[-1][1])
        else:
            result.append((first, last))
    return tuple(result)


def _letters(interval: tuple[int, int]) -> str:
    first, last = interval
    nice = "".join(char for char in _NICE if first <= ord(char) <= last)
    if nice:
        return nice
    some = [chr(code) for code in range(first, min(last + 1, first + 512)) if code not in _SURROGATES]
    if not some and first in _SURROGATES and last >= _SURROGATES.stop:
        some = [chr(_SURROGATES.stop)]
    return "".join([char for char in some if char.isprintable()][:16] or some[:1])
