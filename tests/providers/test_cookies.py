# The cookies' folder: what is kept of an upload, how, for whom, and what a provider is told.
from __future__ import annotations

import json
import stat
from contextlib import aclosing
from pathlib import Path

import pytest

from g4f_proto import CookiesCall, FormFile, Stored
from providers import CookieStore

pytestmark = pytest.mark.anyio

ME, YOU = "a" * 64, "b" * 64
NOW = 1_800_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> CookieStore:
    return CookieStore(tmp_path / "data" / "cookies", now=lambda: NOW)


def export(value: str = "1", name: str = "a", domain: str = ".example.com", **more: object) -> bytes:
    return json.dumps([{"name": name, "value": value, "domain": domain, "notes": "private", **more}]).encode()


async def upload(store: CookieStore, *files: tuple[str, bytes], principal: str = "") -> list[Stored]:
    kept = tuple(FormFile(name="files", filename=name, content_type="", data=data) for name, data in files)
    async with aclosing(store.stream(CookiesCall(principal=principal, files=kept))) as events:
        return [event async for event in events if isinstance(event, Stored)]


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_one_result_for_each_file(store: CookieStore) -> None:
    stored = await upload(store, ("a.json", export()), ("b.json", b"{}"), ("c.har", b"nonsense"))
    assert [(one.filename, one.error is None) for one in stored] == [
        ("a.json", True),
        ("b.json", False),
        ("c.har", False),
    ]
    assert await store.for_domain("www.example.com") == {"a": "1"}


async def test_only_cookies_are_kept_and_only_their_owner_may_read_them(store: CookieStore, tmp_path: Path) -> None:
    await upload(store, ("a.json", export()), principal=ME)
    path = tmp_path / "data" / "cookies" / ME / "a.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)] == [0o700, 0o700]
    assert "private" not in path.read_text()


@pytest.mark.parametrize(
    ("filename", "kept"),
    [
        ("cookies.json", "cookies.json"),
        ("copilot.microsoft.com.har", "copilot.microsoft.com.har.json"),
        ("../../etc/passwd", "passwd.json"),
        ("C:\\x\\..\\evil.json", "evil.json"),
        ("", "cookies.json"),
        ("..", "cookies.json"),
        (".hidden", "hidden.json"),
        ("a\0b/\n c d.json", "c-d.json"),
        ("\N{SNOWMAN}.json", "json.json"),
        ("x" * 300, "x" * 100 + ".json"),
    ],
)
async def test_names_are_safe(store: CookieStore, tmp_path: Path, filename: str, kept: str) -> None:
    assert (await upload(store, (filename, export())))[0].error is None
    assert everything(tmp_path) == [f"data/cookies/{kept}"]


@pytest.mark.parametrize("second", ["a-b.json", "x/a b.json"])
async def test_no_file_of_an_upload_is_lost_to_another(store: CookieStore, second: str) -> None:
    stored = await upload(store, ("a b.json", export()), (second, export("2")), ("c.json", export(name="c")))
    assert [one.error is None for one in stored] == [True, False, True]
    assert await store.for_domain("example.com") == {"a": "1", "c": "1"}


async def test_a_file_is_replaced_whole(store: CookieStore, tmp_path: Path) -> None:
    await upload(store, ("a.json", export("old")))
    with (tmp_path / "data/cookies/a.json").open() as reader:
        await upload(store, ("a.json", export("new")))
        assert "old" in reader.read()
    assert await store.for_domain("example.com") == {"a": "new"}
    await upload(store, ("a.json", b"nonsense"))
    assert await store.for_domain("example.com") == {"a": "new"}


async def test_a_write_that_fails_leaves_nothing(
    store: CookieStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(OSError, match="No space"):
        await upload(store, ("a.json", export()))
    assert everything(tmp_path) == []


async def test_nobody_is_answered_in_another_ones_name(store: CookieStore) -> None:
    await upload(store, ("a.json", export("everybody's")))
    await upload(store, ("a.json", export("mine")), principal=ME)
    assert await store.for_domain("example.com", ME) == {"a": "mine"}
    assert await store.for_domain("example.com", YOU) == {"a": "everybody's"}
    assert await store.for_domain("example.com") == {"a": "everybody's"}


async def test_what_a_browser_would_send(store: CookieStore) -> None:
    await upload(
        store,
        ("1.json", export("wide", "a")),
        ("2.json", export("narrow", "a", "chat.example.com")),
        ("3.json", export("gone", "b", expirationDate=NOW - 1)),
        ("4.json", export("fresh", "c", expirationDate=NOW + 1)),
        ("5.json", export("other", "d", "example.org")),
    )
    assert await store.for_domain("CHAT.example.com") == {"a": "narrow", "c": "fresh"}
    assert await store.for_domain("example.com") == {"a": "wide", "c": "fresh"}
    assert await store.for_domain("nowhere.test") == {}


async def test_the_operators_own_files_are_read_and_broken_ones_are_left_out(
    store: CookieStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data" / "cookies"
    folder.mkdir(parents=True)
    (folder / "example.com.json").write_text('{"a": "by hand"}')
    (folder / "broken.json").write_text("{")
    (folder / "auth.txt").write_text("?")
    assert await store.for_domain("example.com") == {"a": "by hand"}
    assert "broken.json is not read" in caplog.text


async def test_a_disk_is_not_filled(store: CookieStore) -> None:
    await upload(store, *((f"{number}.json", export()) for number in range(100)), principal=ME)
    (one, again) = await upload(store, ("more.json", export()), ("7.json", export()), principal=ME)
    assert "100 files already" in str(one.error)
    assert again.error is None
    assert (await upload(store, ("more.json", export()), principal=YOU))[0].error is None
