# What the documentation shows is run: the server of docs/embedding.md answers, links lead somewhere, pages are fresh.
from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from docs.generate import PAGES

ROOT = Path(__file__).parents[1]


def test_the_server_of_the_embedding_page() -> None:
    text = (ROOT / "docs/embedding.md").read_text()
    code = text.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {"__name__": "shown"}
    exec(compile(code, "docs/embedding.md", "exec"), names)
    server = names["ThreadingHTTPServer"](("127.0.0.1", 0), names["Handler"])
    names["Handler"].log_message = lambda *_: None
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/v1"
        body = {"model": "echo", "messages": [{"role": "user", "content": "hello world"}]}
        kind = {"content-type": "application/json"}
        for stream in (False, True):
            data = json.dumps({**body, "stream": stream}).encode()
            request = urllib.request.Request(f"{url}/chat/completions", data, kind)
            with urllib.request.urlopen(request, timeout=10) as response:
                said = response.read().decode()
            assert "world " in said
            assert said.endswith("data: [DONE]\n\n") is stream
        with urllib.request.urlopen(f"{url}/models", timeout=10) as response:
            assert json.load(response)["data"][0]["id"] == "echo"
        request = urllib.request.Request(f"{url}/chat/completions", json.dumps({**body, "n": 2}).encode(), kind)
        with urllib.request.urlopen(request, timeout=10) as response:
            choices = json.load(response)["choices"]
        assert [choice["message"]["content"] for choice in choices] == ["hello world "] * 2
        with pytest.raises(urllib.error.HTTPError, match="404") as caught:
            urllib.request.urlopen(f"{url}/media/x.png", timeout=10)
        caught.value.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_every_code_of_an_error_is_told() -> None:
    sources = [
        path.read_text() for name in ("g4f_proto", "providers", "backends") for path in (ROOT / name).rglob("*.py")
    ]
    codes = set(re.findall(r'[( .]code ?= ?"([a-z_]+)"', "".join(sources)))
    assert len(codes) > 20
    page = (ROOT / "docs/errors.md").read_text()
    assert {code for code in codes if f"`{code}`" not in page} == set()


def test_what_is_to_be_run_can_be_run() -> None:
    said = [(ROOT / "Makefile").read_text(), *(page.read_text() for page in (*ROOT.glob("*.md"), *ROOT.glob("*/*.md")))]
    modules = set(re.findall(r"(?:python|PYTHON\)) -m ([a-z0-9_.]*[a-z0-9_])", " ".join(said)))
    assert {"bench.hot", "conformance", "docs.generate"} < modules
    for name in modules - {"pip", "pytest", "venv"}:
        path = ROOT / name.replace(".", "/")
        file = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        assert 'if __name__ == "__main__":' in file.read_text(), name


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("*/*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name]()
