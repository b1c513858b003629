"""Upstreams: servers that speak OpenAI's API, as providers."""

from .chosen import chosen
from .config import Entry, Misread, read_config
from .openai import OpenAICompatible
from .table import UPSTREAMS
from .upstream import APIS, EVERYTHING, Timeouts, Upstream, is_proxy

__all__ = (
    "APIS",
    "EVERYTHING",
    "UPSTREAMS",
    "Entry",
    "Misread",
    "OpenAICompatible",
    "Timeouts",
    "Upstream",
    "chosen",
    "is_proxy",
    "read_config",
)
