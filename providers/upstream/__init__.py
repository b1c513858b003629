"""Upstreams: servers that speak OpenAI's API, as providers."""

from .chosen import chosen
from .config import Entry, Misread, Proxy, read_config
from .openai import OpenAICompatible
from .table import UPSTREAMS
from .upstream import APIS, EVERYTHING, Timeouts, Upstream

__all__ = (
    "APIS",
    "EVERYTHING",
    "UPSTREAMS",
    "Entry",
    "Misread",
    "OpenAICompatible",
    "Proxy",
    "Timeouts",
    "Upstream",
    "chosen",
    "read_config",
)
