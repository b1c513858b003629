# The config file: what it may say, and that every mistake is told with its file, line and key; the table; the choice.
from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from g4f_proto import PARAMETERS
from providers.upstream import APIS, UPSTREAMS, Misread, Upstream, chosen, read_config

WHOLE = """
[providers.mine]  # ours
base_url = "https://llm.example/v1/"
label = "Mine"
url = "https://llm.example"
api_key_env = "MINE"
models = ["a", "b"]
default_model = "b"
native = ["temperature"]
names = {seed = "random_seed"}
headers = {X-Team = "blue"}
stream_usage = false
proxy = "socks5://127.0.0.1:1080"
request_proxy = true
http2 = true
timeouts = {connect = 1, first = 2.5}

[providers.OpenAI]
base_url = "http://127.0.0.1:1/v1"

[providers.Ollama]
"""


def read(path: Path, text: str, environ: dict[str, str] | None = None) -> dict[str, Upstream]:
    file = path / "g4f.toml"
    file.write_text(text)
    return {upstream.name: upstream for upstream in chosen(read_config(file), environ or {})}


def test_all_it_may_say(tmp_path: Path) -> None:
    found = read(tmp_path, WHOLE, {"MINE": " secret-key ", "OPENAI_API_KEY": "other-key", "GROQ_API_KEY": "third-key"})
    assert list(found) == ["mine", "OpenAI", "Ollama", "Groq"]
    mine = found["mine"]
    assert (mine.base_url, mine.label, mine.url) == ("https://llm.example/v1", "Mine", "https://llm.example")
    assert mine.key == SecretStr("secret-key")
    assert (mine.models, mine.default_model, mine.native) == (("a", "b"), "b", frozenset({"temperature"}))
    assert (mine.names, mine.headers) == ({"seed": "random_seed"}, {"X-Team": SecretStr("blue")})
    assert (mine.stream_usage, mine.any_proxy, mine.http2) == (False, True, True)
    assert mine.proxy == SecretStr("socks5://127.0.0.1:1080")
    assert (mine.timeouts.connect, mine.timeouts.first, mine.timeouts.between) == (1, 2.5, 120)
    assert (found["OpenAI"].base_url, found["OpenAI"].key) == ("http://127.0.0.1:1/v1", SecretStr("other-key"))
    assert found["Ollama"].base_url == "http://127.0.0.1:11434/v1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[providers.mine]\nbase_url = 5", ":2: providers.mine.base_url: Input should be a valid string"),
        ("[providers.mine]\n\nbase = 'x'", ":3: providers.mine.base: unknown key"),
        ("[provider.mine]", ":1: provider: unknown key"),
        ("# x\n[providers.'my own']\nbase_url='http://x'", ":2: providers.my own: String should match pattern"),
        ("[providers.mine]\nbase_url = 'ftp://x'", ":2: providers.mine.base_url: must be http://... or https://..."),
        ("[providers.mine]\nbase_url = 'http://x:99999'", ":2: providers.mine.base_url: must be http://"),
        ("[providers.mine]\nbase_url = 'http://x/vж'", ":2: providers.mine.base_url: must be http://"),
        ('[providers.mine]\nkey_header = "a\\r\\nb"', ":2: providers.mine.key_header: 'a\\r\\nb' is no header"),
        ("[providers.mine]\nkey_header = 'Host'", ":2: providers.mine.key_header: 'Host' is no header"),
        ("[providers.mine]\nbase_url = 'http://u:secret@x'", ":2: providers.mine.base_url: must be http://"),
        ("[providers.mine]\ntimeouts = {connect = 0}", ":2: providers.mine.timeouts.connect: Input should be greater"),
        ("[providers.mine.timeouts]\nconnect='1'", ":2: providers.mine.timeouts.connect: Input should be a valid"),
        ("providers.mine.http2 = 1", ":1: providers.mine.http2: Input should be a valid boolean"),
        ("[providers.mine]\nnative = [\n'temperature',\n'heat']", ":2: providers.mine.native: 'heat' is none of: "),
        ("[providers.mine]\nheaders = {Host = 'x'}", ":2: providers.mine.headers: 'Host' is no header that can be set"),
        ("[providers.mine]\nheaders = {'a b' = 'x'}", ":2: providers.mine.headers: 'a b' is no header"),
        ("[providers.mine]\nheaders = {a = \"x\\ny\"}", ":2: providers.mine.headers: the value of 'a' is no header's"),
        ("[providers.mine]\napi_key = \"k\\ney\"", ":2: providers.mine.api_key: must be printable ASCII"),
        ("[providers.mine]\nproxy = 'ftp://secret'", ":2: providers.mine.proxy: must be http://, https:// or socks5://"),
        ("[providers.mine]\napi_key='a'\napi_key_env='B'", ":1: providers.mine: 'api_key' and 'api_key_env' are two"),
        ("[providers.mine]\nbase_url = 'x", ": Expected \"'\" (at end of document)"),
        ("[providers.mine]\n[providers.mine]", "(at line 2"),
        ("[providers.mine]\n", "providers.mine: 'base_url' is missing"),
        ("[providers.mine]\nbase_url='http://x'\napi_key_env='NOWHERE'", "the variable NOWHERE is not set"),
        ("[providers.Azure]\n", "providers.Azure: 'base_url' is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(Misread) as caught:
        read(tmp_path, text)
    said = str(caught.value)
    assert told in said
    assert "\n" not in said
    assert "secret" not in said


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Misread, match=r"cannot read .*nowhere\.toml: No such file"):
        read_config(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(Misread, match="not TOML in UTF-8"):
        read_config(tmp_path / "latin.toml")


def names(**environ: str) -> list[str]:
    return [upstream.name for upstream in chosen({}, environ)]


def test_who_is_there_by_the_environment() -> None:
    assert names() == []
    assert names(OPENAI_API_KEY="") == []
    assert names(XAI_API_KEY="k" * 9, OPENAI_API_KEY="o" * 9) == ["OpenAI", "xAI"]  # in the table's order
    assert names(HF_TOKEN="h" * 9, GITHUB_TOKEN="g" * 9) == []  # they stand there for other reasons
    assert names(AZURE_OPENAI_API_KEY="a" * 9) == []  # and where?
    assert names(OPENAI_BASE_URL="http://x/v1") == []  # and as whom?
    assert names(AZURE_OPENAI_API_KEY="a" * 9, AZURE_OPENAI_ENDPOINT="https://x.openai.azure.com/") == ["Azure"]
    assert names(OLLAMA_HOST="localhost") == ["Ollama"]
    ignored = chosen({}, {"XAI_API_KEY": "k" * 9, "OLLAMA_HOST": "localhost"}, ignored=["xAI"])
    assert [upstream.name for upstream in ignored] == ["Ollama"]


@pytest.mark.parametrize(
    ("address", "base_url"),
    [
        ("localhost", "http://localhost:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000/v1"),
        ("[::1]:8000", "http://[::1]:8000/v1"),
        ("http://gpu:80/", "http://gpu:80/v1"),
        ("https://gpu.example/ollama/v1", "https://gpu.example/ollama/v1"),
    ],
)
def test_addresses_of_the_environment(address: str, base_url: str) -> None:
    assert chosen({}, {"OLLAMA_HOST": address})[0].base_url == base_url


@pytest.mark.parametrize("address", ["http://h:port", "http://[::1", "ftp://h", "http://h/vж"])
def test_an_address_of_the_environment_that_is_none(address: str) -> None:
    with pytest.raises(ValueError, match=r"^OLLAMA_HOST is no address: http://\.\.\. or https://\.\.\.$"):
        chosen({}, {"OLLAMA_HOST": address})


def test_azure_of_both_kinds() -> None:
    environ = {"AZURE_OPENAI_API_KEY": "a" * 9, "AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com/"}
    new, old = chosen({}, environ)[0], chosen({}, {**environ, "OPENAI_API_VERSION": "2024-10-21"})[0]
    assert (new.base_url, new.api_version) == ("https://x.openai.azure.com/openai/v1", "")
    assert (old.base_url, old.api_version) == ("https://x.openai.azure.com/openai", "2024-10-21")


def test_a_key_that_would_be_another_header() -> None:
    with pytest.raises(Misread, match="'xAI' has characters that no key has"):
        chosen({}, {"XAI_API_KEY": "secret\r\nhost: x"})


def test_one_proxy_for_all_that_have_none(tmp_path: Path) -> None:
    file = tmp_path / "g4f.toml"
    own = "proxy='http://own:1'"
    file.write_text(
        f"[providers.a]\nbase_url='http://a'\n[providers.b]\nbase_url='http://b'\n{own}\n"
        f"[providers.c]\nbase_url='http://[::1]:1'\n[providers.d]\nbase_url='http://localhost:1'\n{own}\n"
    )
    a, b, c, d = chosen(read_config(file), {}, proxy=SecretStr("http://all:1"), any_proxy=True)
    assert (a.proxy, b.proxy) == (SecretStr("http://all:1"), SecretStr("http://own:1"))
    assert (c.proxy, d.proxy) == (None, SecretStr("http://own:1"))  # this machine needs none
    assert a.any_proxy


@pytest.mark.parametrize("known", UPSTREAMS, ids=lambda known: known.upstream.name)
def test_the_table_says_what_it_can(known: object) -> None:
    upstream = next(one.upstream for one in UPSTREAMS if one is known)
    assert upstream.native <= APIS[upstream.api].native
    assert set(upstream.names) <= {*PARAMETERS, "instructions"}  # the latter of speech
    assert upstream.url.startswith("https://")
    assert not upstream.base_url.endswith("/")
    assert upstream.key is None
