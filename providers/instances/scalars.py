# Numbers and strings: endless streams of values that all the schemas of a case allow, the plainest first.
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import count
from math import ceil, floor, gcd, lcm
from typing import Final, TypeVar

from pydantic import JsonValue

from .case import Case
from .document import Document
from .errors import Budget
from .formats import FORMATS
from .languages import LAST
from .vocabulary import exact, fits_number

__all__ = ("interleave", "numbers", "strings")

_LONGEST: Final = 1_000_000
_EXACT: Final = 2**53  # integers from here on are written as floats if floats will do

_T = TypeVar("_T")
_Bound = tuple[Fraction, bool] | None  # and whether the bound itself is outside


def interleave(streams: Iterable[Iterator[_T]]) -> Iterator[_T]:
    """One of each in turn, as long as there are any: no endless stream hides those behind it."""
    turns = list(streams)
    if len(turns) == 1:
        yield from turns[0]
        return
    while turns:
        left = []
        for stream in turns:
            for value in stream:
                yield value
                left.append(stream)
                break
        turns = left


def numbers(case: Case, budget: Budget) -> Iterator[JsonValue]:
    """Zero if it is allowed, else numbers near it; integers before fractions."""
    schemas = [schema for schema, _ in case.schemas]
    zero = all(fits_number(schema, 0) for schema in schemas)
    if zero:
        yield 0
    lows = [(s[key], key == "exclusiveMinimum") for s in schemas for key in ("minimum", "exclusiveMinimum") if key in s]
    highs = [(s[key], key == "maximum") for s in schemas for key in ("maximum", "exclusiveMaximum") if key in s]
    # A float bound is a decimal for some and a binary number for others: what lies inside both is valid for all.
    low = max(((max(exact(n), Fraction(n)), outside) for n, outside in lows), default=None)
    high = min(((min(exact(n), Fraction(n)), inside) for n, inside in highs), default=None)
    high = None if high is None else (high[0], not high[1])
    steps = [exact(schema["multipleOf"]) for schema in schemas if "multipleOf" in schema]
    if case.integral:
        steps.append(Fraction(1))
    candidates = _multiples(_common(steps), low, high)
    if not steps:
        candidates = interleave([candidates, _between(low, high)])
    for candidate in candidates:
        budget.spend()
        value = _plain(candidate, whole=case.integral)
        if value is not None and not (zero and value == 0) and all(fits_number(schema, value) for schema in schemas):
            yield value


def strings(case: Case, document: Document) -> Iterator[JsonValue]:
    """A sample of the format, or "string" cut or lengthened; then others, shortest first."""
    low = max((schema.get("minLength", 0) for schema, _ in case.schemas), default=0)
    high = min((schema["maxLength"] for schema, _ in case.schemas if "maxLength" in schema), default=None)
    if low > _LONGEST or (high is not None and high < low):
        return
    languages = document.languages
    terms = [document.pattern(s["pattern"], f"{path}/pattern") for s, path in case.schemas if "pattern" in s]
    for part in case.never:
        schema = document.read(part)
        if "pattern" in schema and schema.keys() <= {"pattern", "type"}:
            terms.append(languages.without(document.pattern(schema["pattern"], f"{part[1]}/pattern")))
    formats = [FORMATS[s["format"]] for s, _ in case.schemas if s.get("format") in FORMATS]
    fitted = "string"[:high].ljust(low, "g")
    samples = list(dict.fromkeys([sample for sample, _ in formats] or [fitted]))
    document.budget.spend(len(samples[0]) // 32)
    for sample in samples:
        if len(formats) > 1 or not low <= len(sample) <= (len(sample) if high is None else high):
            continue
        if all(languages.matches(term, sample) for term in terms):
            yield sample
    terms += [document.pattern(pattern, "format") for _, pattern in formats]
    length = languages.repeat(languages.chars(((0, LAST),)), low, high)
    for text in languages.members(languages.both(length, *terms)):
        if text not in samples:
            yield text


def _multiples(step: Fraction, low: _Bound, high: _Bound) -> Iterator[Fraction]:
    first = None if low is None else ceil(low[0] / step) if not low[1] else floor(low[0] / step) + 1
    last = None if high is None else floor(high[0] / step) if not high[1] else ceil(high[0] / step) - 1
    nearest = 0 if first is None else max(0, first)
    nearest = nearest if last is None else min(nearest, last)
    for distance in count():
        up, down = nearest + distance, nearest - distance
        above, below = last is None or up <= last, first is None or down >= first
        if above and (first is None or up >= first):
            yield step * up
        if below and distance:
            yield step * down
        if not (above or below):
            return


def _between(low: _Bound, high: _Bound) -> Iterator[Fraction]:
    # Ends, then halves, quarters, eighths, ... of the way.
    start = low[0] if low else high[0] - 1 if high else Fraction(0)
    end = high[0] if high else start + 1
    yield start
    yield end
    parts = 2
    while end > start:
        for part in range(1, parts, 2):
            yield start + (end - start) * part / parts
        parts *= 2


def _common(steps: Sequence[Fraction]) -> Fraction:
    # The least common multiple of fractions in lowest terms.
    result = steps[0] if steps else Fraction(1)
    for step in steps:
        result = Fraction(lcm(result.numerator, step.numerator), gcd(result.denominator, step.denominator))
    return result


def _plain(number: Fraction, *, whole: bool) -> int | float | None:
    try:
        rounded = float(number)
    except OverflowError:
        return None  # many readers of JSON would make it infinite
    return int(number) if number.denominator == 1 and (whole or abs(number) < _EXACT) else rounded
