# Bytes -> one JSON object.
#
# The stdlib's parser and not pydantic's: JSON.stringify writes a lone surrogate as `"\ud83d"`, which is valid JSON and
# which pydantic's parser refuses. What the stdlib lets through against RFC 8259 (NaN, endless nesting) is stopped here.
from __future__ import annotations

import json
from math import inf
from typing import Final, NoReturn

from pydantic import JsonValue

from .._errors import InvalidRequest

__all__ = ("parse",)

#: An empty list costs 3 bytes of body and 64 of memory; the longest chats have some ten thousand of both kinds.
_MOST_CONTAINERS: Final = 1_000_000
_BOM: Final = b"\xef\xbb\xbf"


def _refuse(name: str) -> NoReturn:
    # "Numeric values that cannot be represented in the grammar (such as Infinity and NaN) are not permitted." - RFC
    # 8259 section 6
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    # "This specification allows implementations to set limits on the range and precision of numbers accepted." - the
    # same section. As a float, 1e999 is infinite, and no JSON that is sent on can say so.
    number = float(digits)
    if number in (inf, -inf):
        raise ValueError(f"the number {digits[:20]} is too large")
    return number


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def parse(body: bytes, *, depth: int) -> dict[str, JsonValue]:
    """The JSON object that a request body is, nested no deeper than `depth`.

    :raises InvalidRequest: anything else.
    """
    if body.count(b"[") + body.count(b"{") > _MOST_CONTAINERS:
        raise InvalidRequest(f"The JSON body has more than {_MOST_CONTAINERS} arrays and objects.", code="invalid_json")
    if body.startswith(_BOM):  # "parsers ... MAY ignore the presence of a byte order mark" - RFC 8259 section 8.1
        body = body[3:]
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The body is not valid UTF-8 (at byte {error.start}).", code="invalid_json") from None
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno} column {error.colno}"
        raise InvalidRequest(
            f"We could not parse the JSON body of your request: {where}.", code="invalid_json"
        ) from None
    except RecursionError:
        raise _too_deep(depth) from None
    except ValueError as error:  # NaN, a number of more than 4300 digits
        raise InvalidRequest(
            f"We could not parse the JSON body of your request: {str(error).partition(';')[0]}.", code="invalid_json"
        ) from None
    if not isinstance(value, dict):
        raise InvalidRequest("The JSON body of your request must be an object.", code="invalid_json")
    if body.count(b"[") + body.count(b"{") > depth:  # hardly any body: none is deeper than it has brackets
        _check_depth(value, depth)
    return value


def _check_depth(value: JsonValue, limit: int) -> None:
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise _too_deep(limit)


def _too_deep(limit: int) -> InvalidRequest:
    return InvalidRequest(f"The JSON body is nested deeper than {limit} levels.", code="invalid_json")
