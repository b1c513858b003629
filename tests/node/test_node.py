# JavaScript clients against one server: openai-node and the Vercel AI SDK, as the scripts beside this file use them.
#
# The packages are those of package.json, installed here once and kept; without node, npm or a registry that can be
# reached the tests are skipped with the reason. Everything together has a budget of time, the installing included, so
# that a slow network costs a minute and not an hour.
from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.conftest import Server, started

HERE = Path(__file__).parent
BUDGET = 55.0  # seconds, from the first test on
INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
SCRIPTS = ("openai.mjs", "vercel.mjs")


@pytest.fixture(scope="module")
def deadline() -> float:
    return time.monotonic() + BUDGET


@pytest.fixture(scope="module")
def node(deadline: float) -> str:
    """The path of node, with the packages installed."""
    return with_packages(HERE, deadline)


def with_packages(folder: Path, deadline: float) -> str:
    """The path of node, with the packages of `folder` installed; skips the test where that cannot be."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    with (folder / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes of tests: npm in one folder bears one
        _install(folder, deadline)
    return found


def _install(folder: Path, deadline: float) -> None:
    if _missing(folder):
        try:
            done = subprocess.run(
                INSTALL,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=deadline - time.monotonic() - 15,
                check=False,
            )
        except subprocess.TimeoutExpired:
            pytest.skip("npm install takes too long")
        if done.returncode or _missing(folder):
            pytest.skip(f"npm install failed: {done.stderr.strip()[-300:]}")


def _missing(folder: Path) -> bool:
    wanted: dict[str, str] = json.loads((folder / "package.json").read_text())["dependencies"]
    for name, version in wanted.items():
        package = folder / "node_modules" / name / "package.json"
        if not package.exists() or json.loads(package.read_text())["version"] != version:
            return True
    return False


@pytest.fixture(scope="module")
def h11() -> Iterator[Server]:
    # pings every 20 ms, so that three come before a first word that is late
    with started("-m", "backends.h11", "--port", "0", "--loop", "asyncio", "--keepalive", "0.02") as running:
        yield running


@pytest.mark.parametrize("script", SCRIPTS)
def test_script(script: str, node: str, h11: Server, deadline: float) -> None:
    done = subprocess.run(
        [node, script, h11.url],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=max(deadline - time.monotonic(), 1),
        check=False,
    )
    names = re.findall(r'^ {2}async "([^"]+)"\(\)', (HERE / script).read_text(), re.MULTILINE)
    assert names
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, [f"ok {name}" for name in names], ""), (
        f"{done.stdout}\n{done.stderr}"
    )


def test_a_failing_script_is_seen(node: str, h11: Server) -> None:
    """The runner tells failures by its exit status, and goes on."""
    code = 'import("./run.mjs").then(({run}) => run({bad() { throw new Error("no") }, good() {}}))'
    done = subprocess.run([node, "-e", code], cwd=HERE, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1
    assert "FAILED bad: Error: no" in done.stdout
    assert done.stdout.endswith("ok good\n")


def test_versions_are_exact_and_no_registry_is_named() -> None:
    for folder in (HERE, HERE / "v3"):
        package = (folder / "package.json").read_text()
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in json.loads(package)["dependencies"].values())
        assert "://" not in package
        assert not (folder / "package-lock.json").exists()
