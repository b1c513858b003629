# The upstreams we know by name: facts only, from their own documentation.
#
# One is there when the variable with its key is set, when the variable with its address is, or when the config file
# names it. Keys that stand in many environments for other reasons (GITHUB_TOKEN, HF_TOKEN) are no wish to send prompts
# there: these upstreams, and servers on this machine that have no variable, must be named.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from g4f_proto import MESSAGE_PARAMETERS

from .upstream import EVERYTHING, Timeouts, Upstream, is_address

__all__ = ("UPSTREAMS", "Known")

_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An upstream of the table.

    :param upstream: what is known of it: no key, and an address where it has only one.
    :param key: the variable its key is in.
    :param place: the variable its address is in.
    :param path: where its API begins at that address.
    :param port: its own, for an address that has none.
    :param named: the variable of its key alone does not call for it.
    """

    upstream: Upstream
    key: str = ""
    place: str = ""
    path: str = ""
    port: int | None = None
    named: bool = False

    def wanted(self, environ: Mapping[str, str]) -> bool:
        """Whether the environment calls for it."""
        needed = [name for name in (self.key, self.place if not self.upstream.base_url or not self.key else "") if name]
        return not self.named and bool(needed) and all(environ.get(name) for name in needed)

    @property
    def wanting(self) -> str:
        """What the operator does to have it: "sets OPENAI_API_KEY"."""
        variable = self.key or self.place
        return "names it in the config file" if self.named or not variable else f"sets {variable}"

    def found(self, environ: Mapping[str, str]) -> Upstream:
        """It, with the key and the address that the environment has.

        :raises ValueError: the address is none; the message does not hold it.
        """
        upstream = self.upstream
        key = environ.get(self.key, "").strip() if self.key else ""
        if key:
            upstream = replace(upstream, key=SecretStr(key))
        address = environ.get(self.place, "").strip() if self.place else ""
        if address:
            try:
                upstream = replace(upstream, base_url=self._base_url(address))
            except ValueError:
                raise ValueError(f"{self.place} is no address: http://... or https://...") from None
        version = environ.get("OPENAI_API_VERSION", "").strip()
        if upstream.name == "Azure" and version:  # the variable that OpenAI's own client for Azure reads
            upstream = replace(upstream, base_url=upstream.base_url.removesuffix("/v1"), api_version=version)
        return upstream

    def _base_url(self, address: str) -> str:
        url = urlsplit(address if "://" in address else f"http://{address}")
        # OLLAMA_HOST is what Ollama listens on, too: a port alone, or every address of the machine.
        host = _LOOPBACK if url.hostname in (None, "0.0.0.0", "::") else url.hostname  # noqa: S104
        host = f"[{host}]" if ":" in str(host) else host
        port = url.port or (None if "://" in address else self.port)
        root = f"{url.scheme}://{host}:{port}" if port else f"{url.scheme}://{host}"
        path = url.path.rstrip("/")
        found = root + (path if path.endswith(self.path) else path + self.path)
        if not is_address(found):
            raise ValueError("no address")
        return found


# What only OpenAI, and who passes requests on to it, is known to honour.
_OPENAI_ONLY: Final = frozenset({"moderation", "prediction", "service_tier", "verbosity", "web_search_options"})
_LOGPROBS: Final = frozenset({"logprobs", "top_logprobs"})
_FUNCTIONS: Final = frozenset({"functions", "function_call"})
_OLD_LIMIT: Final = {"max_completion_tokens": "max_tokens"}
_SELF_HOSTED: Final = EVERYTHING - _OPENAI_ONLY - _FUNCTIONS


def _local(
    name: str, label: str, url: str, port: int, *, lacks: frozenset[str] = frozenset(), place: str = ""
) -> Known:
    upstream = Upstream(
        name=name, label=label, url=url, base_url=f"http://{_LOOPBACK}:{port}/v1", native=_SELF_HOSTED - lacks,
        names=_OLD_LIMIT, completions=True, developer_role=False,
    )  # fmt: skip
    return Known(upstream=upstream, place=place, path="/v1", port=port)


#: In the order in which they are asked for a model that several serve.
UPSTREAMS: Final = (
    Known(
        key="OPENAI_API_KEY", place="OPENAI_BASE_URL",
        upstream=Upstream(
            name="OpenAI", label="OpenAI", url="https://platform.openai.com", base_url="https://api.openai.com/v1"
        ),
    ),
    Known(
        key="ANTHROPIC_API_KEY", place="ANTHROPIC_BASE_URL", path="/v1",
        upstream=Upstream(
            name="Anthropic", label="Anthropic", url="https://claude.com", base_url="https://api.anthropic.com/v1",
            api="messages", native=MESSAGE_PARAMETERS,
        ),
    ),
    # "the model parameter is your Azure deployment name": what is discovered are models, so name the deployments.
    Known(
        key="AZURE_OPENAI_API_KEY", place="AZURE_OPENAI_ENDPOINT", path="/openai/v1",
        upstream=Upstream(
            name="Azure", label="Azure OpenAI", url="https://azure.microsoft.com/products/ai-foundry", base_url="",
            key_header="api-key",
        ),
    ),
    Known(
        key="OPENROUTER_API_KEY",
        upstream=Upstream(
            name="OpenRouter", label="OpenRouter", url="https://openrouter.ai", base_url="https://openrouter.ai/api/v1"
        ),
    ),
    # "The following fields are currently not supported and will result in a 400 error" - its docs, OpenAI Compatibility
    Known(
        key="GROQ_API_KEY",
        upstream=Upstream(
            name="Groq", label="Groq", url="https://groq.com", base_url="https://api.groq.com/openai/v1",
            native=EVERYTHING - _OPENAI_ONLY - _LOGPROBS - {"logit_bias", "n"}, developer_role=False,
        ),
    ),
    # It refuses fields that it does not know, and tells the usage at the end of each stream unasked.
    Known(
        key="MISTRAL_API_KEY",
        upstream=Upstream(
            name="Mistral", label="Mistral AI", url="https://mistral.ai", base_url="https://api.mistral.ai/v1",
            native=EVERYTHING - (_OPENAI_ONLY - {"prediction"}) - _LOGPROBS - _FUNCTIONS - {"logit_bias"},
            names={**_OLD_LIMIT, "seed": "random_seed"}, stream_usage=False, developer_role=False,
            strict=True,
        ),
    ),
    Known(
        key="DEEPSEEK_API_KEY",
        upstream=Upstream(
            name="DeepSeek", label="DeepSeek", url="https://www.deepseek.com", base_url="https://api.deepseek.com",
            native=EVERYTHING - _OPENAI_ONLY - _FUNCTIONS
            - {"logit_bias", "n", "parallel_tool_calls", "seed", "vision"},
            names=_OLD_LIMIT, developer_role=False,
        ),
    ),
    # Its `logprobs` is a number, and told in another form.
    Known(
        key="TOGETHER_API_KEY",
        upstream=Upstream(
            name="Together", label="Together AI", url="https://www.together.ai", base_url="https://api.together.xyz/v1",
            native=_SELF_HOSTED - _LOGPROBS, names=_OLD_LIMIT, developer_role=False,
        ),
    ),
    Known(
        key="CEREBRAS_API_KEY",
        upstream=Upstream(
            name="Cerebras", label="Cerebras", url="https://www.cerebras.ai", base_url="https://api.cerebras.ai/v1",
            native=_SELF_HOSTED - {"frequency_penalty", "logit_bias", "n", "presence_penalty", "vision"},
            developer_role=False,
        ),
    ),
    Known(
        key="XAI_API_KEY",
        upstream=Upstream(
            name="xAI", label="xAI", url="https://x.ai", base_url="https://api.x.ai/v1", native=_SELF_HOSTED,
            developer_role=False,
        ),
    ),
    # "Unknown name "frequency_penalty": Cannot find field.", says it, and so it does of `seed` and `store`.
    Known(
        key="GEMINI_API_KEY",
        upstream=Upstream(
            name="Gemini", label="Google Gemini", url="https://ai.google.dev",
            base_url="https://generativelanguage.googleapis.com/v1beta/openai",
            native=_SELF_HOSTED - {"frequency_penalty", "logit_bias", "seed"},
            developer_role=False, strict=True, models_prefix="models/",
        ),
    ),
    Known(
        key="NVIDIA_API_KEY",
        upstream=Upstream(
            name="NVIDIA", label="NVIDIA", url="https://build.nvidia.com",
            base_url="https://integrate.api.nvidia.com/v1", native=_SELF_HOSTED, names=_OLD_LIMIT,
            developer_role=False,
        ),
    ),
    Known(
        key="FIREWORKS_API_KEY",
        upstream=Upstream(
            name="Fireworks", label="Fireworks AI", url="https://fireworks.ai",
            base_url="https://api.fireworks.ai/inference/v1", native=_SELF_HOSTED, names=_OLD_LIMIT,
            developer_role=False,
        ),
    ),
    Known(
        key="HF_TOKEN", named=True,
        upstream=Upstream(
            name="HuggingFace", label="Hugging Face", url="https://huggingface.co",
            base_url="https://router.huggingface.co/v1", native=_SELF_HOSTED, names=_OLD_LIMIT,
            developer_role=False,
        ),
    ),
    Known(
        key="GITHUB_TOKEN", named=True,
        upstream=Upstream(
            name="GitHub", label="GitHub Models", url="https://github.com/marketplace/models",
            base_url="https://models.github.ai/inference", models_url="https://models.github.ai/catalog/models",
            native=EVERYTHING - {"web_search_options"},
        ),
    ),
    # Its own adapter asks this address: chats at /v1, images and lists beside it.
    Known(
        key="POLLINATIONS_API_KEY",
        upstream=Upstream(
            name="PollinationsAI", label="Pollinations AI", url="https://pollinations.ai",
            base_url="https://gen.pollinations.ai", default_model="openai-fast", names={"instructions": "instruct"},
            native=EVERYTHING - _OPENAI_ONLY - {"background", "output_compression", "quality", "style"},
        ),
    ),
    # Speaks a language of its own, to an adapter of its own; without a token, it may have cookies.
    Known(
        key="COPILOT_ACCESS_TOKEN",
        upstream=Upstream(
            name="Copilot", label="Microsoft Copilot", url="https://copilot.microsoft.com",
            base_url="https://copilot.microsoft.com", native=frozenset({"vision"}), default_model="Copilot",
            timeouts=Timeouts(between=60.0),
        ),
    ),
    _local(
        "Ollama", "Ollama", "https://ollama.com", 11434, place="OLLAMA_HOST",
        lacks=frozenset({"logit_bias", "n", "parallel_tool_calls", "tool_choice"}),
    ),
    _local("LMStudio", "LM Studio", "https://lmstudio.ai", 1234, lacks=frozenset({"n"})),
    _local("LlamaCpp", "llama.cpp", "https://github.com/ggml-org/llama.cpp", 8080),
    _local("vLLM", "vLLM", "https://docs.vllm.ai", 8000),
    _local("SGLang", "SGLang", "https://docs.sglang.ai", 30000),
    _local("LocalAI", "LocalAI", "https://localai.io", 8080),
)  # fmt: skip
