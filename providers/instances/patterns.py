# JSON Schema's `pattern`, read into a language: https://json-schema.org/draft/2020-12/json-schema-core#section-6.4
# asks for ECMA-262's regular expressions, and that a pattern matches anywhere in the text unless it is anchored.
#
# Understood: characters, classes, groups, alternatives, quantifiers (lazy ones match the same texts), `^`, `$` and
# lookaheads. An assertion speaks of what follows, so a piece that holds one is built from its continuation; all else is
# a plain language. `\d`, `\w` are ASCII, as in ECMA-262; `\s` and `.` are Unicode's there as well.
# Not understood, and said so: back references, lookbehind, `\b`, `\p{...}`, flags.
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from .languages import LAST, Languages, Ranges, Term, outside

__all__ = ("PatternError", "language")

_DIGIT: Final[Ranges] = ((48, 57),)
_WORD: Final[Ranges] = ((48, 57), (65, 90), (95, 95), (97, 122))
_LINE: Final[Ranges] = ((10, 10), (13, 13), (0x2028, 0x2029))
_SPACE: Final[Ranges] = (
    (9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
    (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
_CLASSES: Final[dict[str, Ranges]] = {
    "d": _DIGIT, "D": outside(_DIGIT), "w": _WORD, "W": outside(_WORD), "s": _SPACE, "S": outside(_SPACE),
}  # fmt: skip
_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0}
_LONGEST: Final = 10_000
_QUANTIFIER: Final = re.compile(r"(?:[*+?]|\{([0-9]{1,9})(,([0-9]{1,9})?)?\})\??")
_HEX: Final = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|c([A-Za-z])")
_GROUP: Final = re.compile(r"\?(?::|=|!|<[A-Za-z_$][\w$]*>)")


class PatternError(ValueError):
    """The pattern is no regular expression, or uses what is not understood."""


#: What may follow, given whether the text has not begun yet.
_Then = Callable[[bool], Term]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a pattern: a plain language, or, if it holds assertions, what makes one of its continuation."""

    plain: Term | None
    build: Callable[[bool, _Then], Term]


def language(pattern: str, languages: Languages) -> Term:
    """All texts in which the pattern is found.

    :raises PatternError: with words that fit behind a colon.
    """
    if len(pattern) > _LONGEST:
        raise PatternError(f"it is longer than {_LONGEST} characters")
    piece = _Reader(pattern, languages).read()
    more = languages.any
    if piece.plain is not None:
        return languages.cat(more, piece.plain, more)
    some = languages.repeat(languages.chars(((0, LAST),)), 1, None)
    return languages.either(
        piece.build(True, lambda _: more),
        languages.cat(some, piece.build(False, lambda _: more)),
    )


class _Reader:
    def __init__(self, pattern: str, languages: Languages) -> None:
        self._pattern = pattern
        self._languages = languages
        self._at = 0

    def read(self) -> _Piece:
        piece = self._alternatives()
        if self._at < len(self._pattern):
            raise PatternError("unmatched ')'")
        return piece

    def _alternatives(self) -> _Piece:
        pieces = [self._sequence()]
        while self._next("|"):
            pieces.append(self._sequence())
        return pieces[0] if len(pieces) == 1 else self._either(pieces)

    def _sequence(self) -> _Piece:
        pieces: list[_Piece] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            pieces.append(self._quantified(self._atom()))
        return self._cat(pieces)

    def _atom(self) -> _Piece:
        char = self._take()
        languages = self._languages
        match char:
            case "^":
                return _Piece(None, lambda start, then: then(True) if start else languages.nothing)
            case "$":
                return _Piece(None, lambda start, then: languages.both(then(start), languages.empty))
            case ".":
                return self._plain(languages.chars(outside(_LINE)))
            case "(":
                return self._group()
            case "[":
                return self._plain(languages.chars(self._class()))
            case "\\":
                return self._plain(languages.chars(self._escape()))
            case "*" | "+" | "?":
                raise PatternError(f"nothing to repeat before '{char}'")
        return self._plain(languages.text(char))

    def _group(self) -> _Piece:
        kind = ""
        if self._pattern.startswith("?", self._at):
            match = _GROUP.match(self._pattern, self._at)
            if match is None:
                raise PatternError(f"the group '({self._pattern[self._at : self._at + 3]}' is not understood")
            self._at, kind = match.end(), match[0]
        piece = self._alternatives()
        if not self._next(")"):
            raise PatternError("missing ')'")
        if kind not in ("?=", "?!"):
            return piece
        languages = self._languages

        def look(start: bool, then: _Then) -> Term:
            ahead = piece.build(start, lambda _: languages.any)
            return languages.both(languages.without(ahead) if kind == "?!" else ahead, then(start))

        return _Piece(None, look)

    def _quantified(self, piece: _Piece) -> _Piece:
        match = _QUANTIFIER.match(self._pattern, self._at)
        if match is None:
            return piece
        self._at = match.end()
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(match[0][0], (0, None))
        if match[1] is not None:
            least = int(match[1])
            most = least if match[2] is None else None if match[3] is None else int(match[3])
            if most is not None and most < least:
                raise PatternError(f"the numbers of '{match[0]}' are out of order")
        if _QUANTIFIER.match(self._pattern, self._at):
            raise PatternError(f"nothing to repeat before '{self._pattern[self._at]}'")
        if piece.plain is not None:
            return self._plain(self._languages.repeat(piece.plain, least, most))
        if (least, most) == (0, 1):
            return self._either([piece, self._cat([])])
        if (least, most) == (1, 1):
            return piece
        raise PatternError(f"'{match[0]}' after a group that holds '^', '$' or a lookahead is not understood")

    def _class(self) -> Ranges:
        negated = self._next("^")
        ranges: list[tuple[int, int]] = []
        while not self._next("]"):
            low = self._class_atom()
            if self._pattern.startswith("-", self._at) and not self._pattern.startswith("-]", self._at):
                self._at += 1
                high = self._class_atom()
                if len(low) != 1 or len(high) != 1 or low[0][0] != low[0][1] or high[0][0] != high[0][1]:
                    raise PatternError("a class cannot be the end of a range")
                if high[0][0] < low[0][0]:
                    raise PatternError("a range is out of order")
                low = ((low[0][0], high[0][0]),)
            ranges += low
        return outside(ranges) if negated else tuple(ranges)

    def _class_atom(self) -> Ranges:
        if self._next("\\"):
            return ((8, 8),) if self._next("b") else self._escape()
        return ((code := ord(self._take()), code),)

    def _escape(self) -> Ranges:
        if match := _HEX.match(self._pattern, self._at):
            self._at = match.end()
            code = ord(match[4]) % 32 if match[4] else int(match[1] or match[2] or match[3], 16)
            if code > LAST:
                raise PatternError(f"'\\{match[0]}' is no character")
            return ((code, code),)
        char = self._take()
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROLS or not (char.isascii() and char.isalnum()):
            return ((code := _CONTROLS.get(char, ord(char)), code),)
        raise PatternError(f"'\\{char}' is not understood")

    def _plain(self, term: Term) -> _Piece:
        languages = self._languages

        def build(start: bool, then: _Then) -> Term:
            behind = then(False)
            here = then(True) if start and term.nullable else behind
            if here is behind:
                return languages.cat(term, behind)
            some = languages.both(term, languages.without(languages.empty))
            return languages.either(here, languages.cat(some, behind))

        return _Piece(term, build)

    def _cat(self, pieces: Sequence[_Piece]) -> _Piece:
        languages = self._languages
        joined: list[_Piece] = []
        run: list[Term] = []
        for piece in pieces:
            if piece.plain is not None:
                run.append(piece.plain)
                continue
            joined += [self._plain(languages.cat(*run)), piece] if run else [piece]
            run = []
        if run or not joined:
            joined.append(self._plain(languages.cat(*run)))
        if len(joined) == 1:
            return joined[0]

        def build(start: bool, then: _Then) -> Term:
            @cache  # two answers at most for each piece, however many ways lead there
            def rest(index: int, start: bool) -> Term:
                if index == len(joined):
                    return then(start)
                return joined[index].build(start, lambda start: rest(index + 1, start))

            return rest(0, start)

        return _Piece(None, build)

    def _either(self, pieces: Sequence[_Piece]) -> _Piece:
        languages = self._languages
        terms = [piece.plain for piece in pieces if piece.plain is not None]
        if len(terms) == len(pieces):
            return self._plain(languages.either(*terms))
        return _Piece(None, lambda start, then: languages.either(*[piece.build(start, then) for piece in pieces]))

    def _take(self) -> str:
        if self._at >= len(self._pattern):
            raise PatternError("it ends too early")
        self._at += 1
        return self._pattern[self._at - 1]

    def _next(self, expected: str) -> bool:
        found = self._pattern.startswith(expected, self._at)
        self._at += found
        return found
