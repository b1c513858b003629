# The API's description of itself.
from __future__ import annotations

from ..dialects import Asked

__all__ = ("read_openapi",)


def read_openapi(asked: Asked) -> bytes:
    """The OpenAPI document, as JSON."""
    from .document import written  # its models take some 30 ms to make, which no other request needs

    return written(keyed=bool(asked.api.keys), gui=bool(asked.api.gui))
