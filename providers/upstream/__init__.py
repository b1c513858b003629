"""Upstreams: servers that speak OpenAI's API, as providers."""

from .openai import MODELS_LIFETIME, OpenAICompatible
from .upstream import EVERYTHING, Timeouts, Upstream

__all__ = ("EVERYTHING", "MODELS_LIFETIME", "OpenAICompatible", "Timeouts", "Upstream")
