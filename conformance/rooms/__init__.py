"""The rooms: every module in this folder registers its cases when `load` imports it. A new room is a new file.

The numbers a case calls its `complaint` are the recurring complaints about OpenAI-compatible servers, by their subject:
1 usage chunk's choices, 2 usage of streams, 3 tool deltas without index, 4 parallel calls merged, 5 id, type or name of
calls repeated, 6 unknown fields, 7 ignored fields, 8 developer role, 9 both token limits, 10 finish_reason of calls,
11 stop and length, 12 assistant without content, 13 content parts, 14 errors after 200, 15 keepalives, 16 client gone,
17 error objects, 18 ids and model name, 20 slashes and models, 21 preflight, 22 reasoning lost, 24 rewritten statuses,
19 embeddings' forms, 23 events of Responses, 25 size limits and buffering.
"""

from importlib import import_module
from pkgutil import iter_modules

from conformance.case import CASES, Case


def load() -> list[Case]:
    """Every case, room by room in the order of their files' names, then as written."""
    for module in sorted(info.name for info in iter_modules(__path__)):
        import_module(f"{__name__}.{module}")
    return sorted(CASES.values(), key=lambda case: case.room)
