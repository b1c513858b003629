# The gateways: how each is installed, told its one upstream, and started. The rivals live in virtual environments of
# their own in the user's cache, in the versions named here, and run isolated (`python -I`): the checkout has a package
# `g4f` too. Both look for the network when they start, and both are spared that:
# - LiteLLM would fetch a price list and retry; LITELLM_LOCAL_MODEL_COST_MAP makes it take the one it brings along.
# - Importing g4f.api fetches https://g4f.dev/dist/js/providers.json and dies without it; the launcher below puts the
#   list there first, with the one entry that is looked up. Nothing of it is on the path of a request.
# None of them asks for a key, writes an access log or counts anything.

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from bench.upstream import MODELS

ENVIRONMENTS = Path(platformdirs.user_cache_dir("g4f-proto", appauthor=False), "bench")

G4F = """
import sys
from g4f.client.factory import AbstractClientFactory
AbstractClientFactory._live_providers = {"providers": {"default": {"baseUrl": sys.argv[1]}}, "defaultModels": {}}
from g4f.Provider.needs_auth.Custom import Custom
Custom.base_url = sys.argv[1]
from g4f.cli import main
sys.argv = ["g4f", "api", *sys.argv[2:]]
main()
"""

Command = Callable[[str, int, Path], list[str | Path]]


@dataclass(frozen=True)
class Gateway:
    """`command` gives its arguments from the upstream's base URL, a free port and a folder for its files."""

    command: Command
    requirement: str | None = None  # None: it is ours
    environ: Mapping[str, str] = field(default_factory=dict)


def ours(loop: str) -> Command:
    def command(upstream: str, port: int, folder: Path) -> list[str | Path]:
        config = Path(folder, "config.toml")
        config.write_text(f'[providers.constant]\nbase_url = "{upstream}"\nmodels = {json.dumps(MODELS)}\n')
        return [sys.executable, "-m", "backends.h11", "--loop", loop, "--config", config, "--port", str(port)]

    return command


def litellm(upstream: str, port: int, folder: Path) -> list[str | Path]:
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_base": upstream, "api_key": "none"}}
        for name in MODELS
    ]
    config = Path(folder, "config.yaml")
    config.write_text(json.dumps({"model_list": models}))  # JSON is YAML
    program = Path(environment("litellm"), "bin/litellm")
    return [python("litellm"), "-I", program, "--config", config, "--host", "127.0.0.1", "--port", str(port)]


def g4f(upstream: str, port: int, folder: Path) -> list[str | Path]:
    quiet = ["--no-gui", "--no-access-log", "--disable-pa-auto-download", "--ignore-cookie-files"]
    return [python("g4f"), "-I", "-c", G4F, upstream, "--bind", f"127.0.0.1:{port}", "--provider", "Custom", *quiet]


GATEWAYS = {
    "ours-asyncio": Gateway(ours("asyncio")),
    "ours-uvloop": Gateway(ours("uvloop")),
    "litellm": Gateway(
        litellm,
        requirement="litellm[proxy]==1.108.7",
        environ={
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
            "LITELLM_LOG": "ERROR",  # no access log
        },
    ),
    "g4f": Gateway(g4f, requirement="g4f[api]==8.8.6"),
}


def environment(name: str) -> Path:
    return Path(ENVIRONMENTS, name)


def python(name: str) -> Path:
    return Path(environment(name), "bin/python")


def install(name: str) -> None:
    """Set up the virtual environment of a rival, unless it stands already; takes a minute."""
    requirement = GATEWAYS[name].requirement
    stamp = Path(environment(name), "installed")
    if requirement is None or (stamp.exists() and stamp.read_text() == requirement):
        return
    print(f"installing {requirement}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", environment(name)], check=True)
    subprocess.run([python(name), "-m", "pip", "install", "--quiet", requirement], check=True)
    stamp.write_text(requirement)
