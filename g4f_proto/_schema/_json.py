# Bytes -> one JSON object.
#
# The stdlib's parser and not pydantic's: JSON.stringify writes a lone surrogate as `"\ud83d"`, which is valid JSON and
# which pydantic's parser refuses. What the stdlib lets through against RFC 8259 (NaN, endless nesting) is stopped here.
from __future__ import annotations

import json
import re
from typing import Final, NoReturn

from pydantic import JsonValue

from .._errors import InvalidRequest

__all__ = ("parse",)

_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)
_BOM: Final = b"\xef\xbb\xbf"


def _refuse(name: str) -> NoReturn:
    # "Numeric values that cannot be represented in the grammar (such as Infinity and NaN) are not permitted." - RFC
    # 8259 section 6
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)


def parse(body: bytes, *, depth: int) -> dict[str, JsonValue]:
    """The JSON object that a request body is, nested no deeper than `depth`.

    :raises InvalidRequest: anything else.
    """
    if body.startswith(_BOM):  # "parsers ... MAY ignore the presence of a byte order mark" - RFC 8259 section 8.1
        body = body[3:]
    _check_depth(body, depth)
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The body is not valid UTF-8 (at byte {error.start}).", code="invalid_json") from None
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno} column {error.colno}"
        raise InvalidRequest(
            f"We could not parse the JSON body of your request: {where}.", code="invalid_json"
        ) from None
    except (ValueError, RecursionError) as error:  # NaN, a number of more than 4300 digits
        raise InvalidRequest(
            f"We could not parse the JSON body of your request: {str(error).partition(';')[0]}.", code="invalid_json"
        ) from None
    if not isinstance(value, dict):
        raise InvalidRequest("The JSON body of your request must be an object.", code="invalid_json")
    return value


def _check_depth(body: bytes, limit: int) -> None:
    if body.count(b"[") + body.count(b"{") <= limit:
        return  # nearly every body: it cannot be deeper than it has brackets
    depth = 0
    for token in _TOKENS.finditer(body):
        if token.lastindex == 1:
            depth += 1
            if depth > limit:
                raise InvalidRequest(f"The JSON body is nested deeper than {limit} levels.", code="invalid_json")
        elif token.lastindex == 2:
            depth -= 1
