"""An instance of a JSON Schema: the plainest value that is valid against it, the same each time.

The schema is a stranger's: the work, the depth and the size are bounded, and what cannot be done is said with the place
where it stands. Read in this order: `vocabulary` (keywords), `document` (references, validity), `case` (choices),
`search`, `objects`, `arrays` and `scalars` (values), `languages` and `patterns` (strings).
"""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from .case import Goal
from .document import Document
from .errors import Budget, Exhausted, Unsatisfiable
from .search import Search

__all__ = ("Unsatisfiable", "instance", "valid")

_STEPS: Final = 150_000
_SIZE: Final = 1_000_000  # characters and values
_SHOWN: Final = 3


def instance(schema: JsonValue) -> JsonValue:
    """A value that is valid against the schema (draft 2020-12, formats included); parts of it may be the schema's own.

    Optional properties and one item of each list are there down to the third level, if they do not recurse; below it
    only what must be. Of branches the first that can be had is taken; `examples` are used, `default` is not.

    :raises Unsatisfiable: if there is none, or it would take too long, nest too deep or be too large.
    """
    try:
        try:
            return _found(schema, shown=_SHOWN)
        except Exhausted:  # the shape may be what was too much
            return _found(schema, shown=0)
    except Exhausted as why:
        raise Unsatisfiable("#", str(why)) from None
    except RecursionError:
        raise Unsatisfiable("#", "it is nested too deep") from None


def valid(schema: JsonValue, value: JsonValue) -> bool:
    """Whether `value` is valid against the schema; formats are annotations.

    :raises Unsatisfiable: the schema cannot be read, or it would take too long to tell.
    """
    try:
        return Document(schema, Budget(_STEPS)).holds((schema, "#"), value)
    except Exhausted as why:
        raise Unsatisfiable("#", str(why)) from None


def _found(schema: JsonValue, *, shown: int) -> JsonValue:
    document = Document(schema, Budget(_STEPS))
    search = Search(document, shown=shown)
    root = schema, "#"
    for value in search.values(Goal((root,))):
        _measure(value)
        if document.holds(root, value):
            return value
    raise Unsatisfiable(*search.why)


def _measure(value: JsonValue) -> None:
    size = 0
    todo = [value]
    while todo:
        part = todo.pop()
        size += 1
        if isinstance(part, str):
            size += len(part)
        elif isinstance(part, list):
            todo += part
        elif isinstance(part, dict):
            todo += part.values()
            size += sum(map(len, part))
        if size > _SIZE:
            raise Exhausted(f"the instance would be larger than {_SIZE} characters")
