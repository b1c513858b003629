# An image's data URI: the letter of RFC 2397 and RFC 4648, the four formats by their bytes, bounds from both sides.
from __future__ import annotations

import base64
import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from g4f_proto import InvalidRequest
from g4f_proto._images import ImageLimits, InputImage, is_remote, read_data_uri

PARAM = "messages[0].content[1].image_url.url"
LIMITS = ImageLimits()
EXPECTED = (
    f"Invalid image URL: '{PARAM}'. Expected a base64-encoded data URL with an image MIME type "
    "(e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got "
)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


EXIF = segment(0xE1, b"Exif\0\0" + b"\xff\xc0\0\x11\x08\0\x01\0\x01")  # what looks like a frame, inside a segment
TABLES = segment(0xDB, bytes(65)) + segment(0xC4, bytes(20))


def frame(width: int, height: int, marker: int = 0xC0) -> bytes:
    return segment(marker, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0")


def jpeg(width: int, height: int, before: bytes = EXIF + TABLES, marker: int = 0xC0) -> bytes:
    return b"\xff\xd8" + before + frame(width, height, marker)


def gif(width: int, height: int, version: bytes = b"89a") -> bytes:
    return b"GIF" + version + struct.pack("<HH", width, height) + b"\x80\0\0"


def riff(kind: bytes, data: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lossy(width: int, height: int, *, tag: int = 0x30, start: bytes = b"\x9d\x01\x2a", scale: int = 0) -> bytes:
    return riff(b"VP8 ", bytes([tag, 1, 0]) + start + struct.pack("<HH", width | scale << 14, height | scale << 14))


def lossless(width: int, height: int, *, signature: int = 0x2F, alpha: int = 1, version: int = 0) -> bytes:
    return riff(
        b"VP8L", struct.pack("<BI", signature, width - 1 | height - 1 << 14 | alpha << 28 | version << 29) + b"\0"
    )


def extended(width: int, height: int) -> bytes:
    return riff(b"VP8X", b"\x10\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"))


MAKERS: list[tuple[str, Callable[[int, int], bytes]]] = [
    ("image/png", png),
    ("image/jpeg", jpeg),
    ("image/gif", gif),
    ("image/webp", lossy),
    ("image/webp", lossless),
    ("image/webp", extended),
]
formats = pytest.mark.parametrize(("media_type", "make"), MAKERS, ids=[make.__name__ for _, make in MAKERS])


def uri(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def read(url: str, limits: ImageLimits = LIMITS) -> InputImage:
    return read_data_uri(url, param=PARAM, limits=limits)


def refused(url: str, limits: ImageLimits = LIMITS) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read(url, limits)
    error = caught.value
    assert (error.status, error.param) == (400, PARAM)
    assert error.__cause__ is None
    assert len(error.message) < 400
    return error


# --- the formats ---


@formats
@pytest.mark.parametrize("rest", [b"", b"\0" * 100, b"\xff" * 100])
def test_what_the_bytes_say(media_type: str, make: Callable[[int, int], bytes], rest: bytes) -> None:
    data = make(640, 481) + rest
    assert read(uri(data, "image/x-what-the-uri-says")) == InputImage(
        media_type=media_type, width=640, height=481, data=data
    )


@formats
@given(width=st.integers(1, 16383), height=st.integers(1, 6103))
def test_every_size(media_type: str, make: Callable[[int, int], bytes], width: int, height: int) -> None:
    image = read(uri(make(width, height)))
    assert (image.media_type, image.width, image.height) == (media_type, width, height)


@formats
def test_a_header_that_is_cut_anywhere(media_type: str, make: Callable[[int, int], bytes]) -> None:
    whole = make(640, 481)
    needed = next(end for end in range(1, len(whole) + 1) if accepted(whole[:end]))
    assert needed >= len(whole) - 10  # a JPEG's list of components and the end of a WebP's first chunk are not read
    for end in range(1, needed):
        assert refused(uri(whole[:end])).code in ("invalid_image_format", "image_parse_error")
    for end in range(needed, len(whole) + 1):
        assert (read(uri(whole[:end])).width, read(uri(whole[:end])).height) == (640, 481)


def accepted(data: bytes, limits: ImageLimits = LIMITS) -> bool:
    try:
        read(uri(data), limits)
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize(
    "data",
    [
        png(0, 1),
        png(1, 0),
        jpeg(0, 1),
        jpeg(1, 0),  # its height would follow the scan: DNL
        gif(0, 1),
        gif(1, 0),
        lossy(0, 1),
        lossy(1, 0),
        png(1, 1).replace(b"IHDR", b"CgBI"),
        png(1, 1).replace(b"\0\0\0\x0dIHDR", b"\0\0\0\x0eIHDR"),
        lossy(1, 1, tag=0x31),  # no key frame
        lossy(1, 1, start=b"\x9d\x01\x2b"),
        lossless(1, 1, signature=0x2E),
        lossless(1, 1, version=1),
        riff(b"ALPH", bytes(20)),
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8" + segment(0xDA, bytes(10)) + frame(1, 1),  # a scan before its frame
        b"\xff\xd8" + EXIF + b"\xff\0" + frame(1, 1),
        b"\xff\xd8" + segment(0xC0, struct.pack(">BHHB", 8, 1, 1, 3) + b"\x01\x11\0"),  # three components, one given
        b"\xff\xd8" + EXIF * 5000 + frame(1, 1),
        b"\xff\xd8" + b"\xff" * 5000 + frame(1, 1),
        b"\xff\xd8\xff" + b"\xe0",
    ],
)
def test_a_header_that_says_nothing_good(data: bytes) -> None:
    error = refused(uri(data))
    assert error.code == "image_parse_error"
    assert "does not represent a valid image: its image/" in error.message


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"BM" + bytes(60),
        b"II*\0" + bytes(60),
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"GIF88a" + bytes(20),
        b"\x89PNG\n\n\x1a\n" + bytes(30),
        b"\xff\xd8",
        b"\0\0\0\x1cftypheic",
        b" " + png(1, 1),
    ],
)
def test_other_formats(data: bytes) -> None:
    error = refused(uri(data))
    assert error.code == "invalid_image_format"
    assert "'png', 'jpeg', 'gif', 'webp'" in error.message


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF])
def test_every_process_of_jpeg(marker: int) -> None:
    assert read(uri(jpeg(3, 2, marker=marker))).width == 3


@pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC, 0xE0, 0xFE])
def test_what_is_no_frame_of_jpeg(marker: int) -> None:
    assert refused(uri(jpeg(3, 2, marker=marker))).code == "image_parse_error"
    assert read(uri(jpeg(3, 2, marker=marker) + frame(5, 4))).width == 5


@pytest.mark.parametrize(
    "before",
    [
        b"\xff\x01",
        b"\xff\xd0" + EXIF,
        b"\xff" * 20 + EXIF[1:],
        EXIF + b"rubbish" + TABLES,
        EXIF + b"\0\0\xff\xff\xff" + TABLES,
        b"\xff\xe0\0\0\xff\xff",  # a length less than its own
        segment(0xE2, bytes(65000)) * 255,
    ],
)
def test_what_may_stand_before_the_frame(before: bytes) -> None:
    assert read(uri(jpeg(3, 2, before))).height == 2


def test_variants() -> None:
    assert read(uri(gif(3, 2, b"87a"))).media_type == "image/gif"
    assert read(uri(lossless(3, 2, alpha=0))).width == 3
    assert read(uri(lossy(16383, 2, scale=3))).width == 16383


REAL: list[tuple[str, str, dict[str, Any]]] = [
    ("PNG", "RGBA", {}),
    ("PNG", "RGB", {"save_all": True}),
    ("JPEG", "RGB", {}),
    ("JPEG", "CMYK", {"progressive": True}),
    ("JPEG", "L", {"exif": b"Exif\0\0" + b"\xff\xc0" * 20_000, "icc_profile": b"\xff\xc0" * 200_000, "comment": "x"}),
    ("GIF", "P", {}),
    ("GIF", "RGB", {"save_all": True}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {}),
    ("WEBP", "RGBA", {"lossless": True, "icc_profile": b"x" * 200}),
    ("WEBP", "RGB", {"save_all": True}),
]


@pytest.mark.parametrize(("format", "mode", "options"), REAL)
@pytest.mark.parametrize("size", [(1, 1), (257, 3), (3, 1030)])
def test_what_somebody_else_writes(format: str, mode: str, options: dict[str, Any], size: tuple[int, int]) -> None:
    pictures = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install 'g4f-proto[images]'")
    if options.get("save_all"):
        options = {**options, "append_images": [pictures.new(mode, size, 1)]}
    file = io.BytesIO()
    pictures.new(mode, size).save(file, format, **options)
    image = read(uri(file.getvalue()))
    assert (image.media_type, image.width, image.height) == (f"image/{format.lower()}", *size)


# --- the bounds ---


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        (png(16384, 1), True),
        (png(1, 16384), True),
        (png(16385, 1), False),
        (png(1, 16385), False),
        (png(10_000, 10_000), True),
        (png(10_000, 10_001), False),
        (png(2**31 - 1, 2**31 - 1), False),
        (png(2**32 - 1, 2**32 - 1), False),
        (jpeg(65535, 65535), False),
        (gif(65535, 65535), False),
        (lossless(16384, 6103), True),
        (lossless(16384, 16384), False),
        (extended(2**24, 2**24), False),
        (extended(2**24, 1), False),
        (extended(1, 2**24), False),
    ],
)
def test_pixels(data: bytes, fits: bool) -> None:
    if fits:
        read(uri(data))
    else:
        error = refused(uri(data))
        assert error.code == "image_too_large"
        assert "pixels. Expected at most 16384 a side and 100000000 in all" in error.message


@pytest.mark.parametrize("more", [0, 1, 2])
def test_twenty_mebibytes(more: int) -> None:
    header = png(1, 1)
    for size in (20 * 2**20 - more, 20 * 2**20 + 1 + more):
        data = header + bytes(size - len(header))
        if size <= 20 * 2**20:
            assert read(uri(data)).data == data
        else:
            error = refused(uri(data))
            assert error.code == "image_file_too_large"
            assert f"it has {size} bytes. Expected at most 20971520." in error.message


@given(st.integers(33, 80), st.integers(33, 80))
def test_the_size_is_that_of_the_decoded_bytes(size: int, limit: int) -> None:
    data = png(1, 1) + bytes(size - 33)
    limits = ImageLimits(size=limit)
    if size <= limit:
        assert read(uri(data), limits).data == data
    else:
        assert refused(uri(data), limits).code == "image_file_too_large"


def test_limits_are_the_callers() -> None:
    limits = ImageLimits(size=33, side=10, pixels=50)
    assert read(uri(png(10, 5)), limits).width == 10
    for data in (png(11, 1), png(8, 7)):
        assert refused(uri(data), limits).code == "image_too_large"


# --- the base64 ---


@pytest.mark.parametrize("size", [33, 34, 35])
@pytest.mark.parametrize("wrong", ["=", "==", "===", "====", "A", "AA", "A=A=", "=AAA", "A==="])
def test_padding_is_required_and_nothing_follows_it(size: int, wrong: str) -> None:
    data = png(1, 1) + bytes(size - 33)
    url = uri(data)
    assert read(url).data == data
    message = f"{EXPECTED}an invalid base64-encoded value: it was cut, or its padding is missing or misplaced."
    assert refused(url + wrong).message == message
    for end in range(len(url) - 3, len(url)):
        assert refused(url[:end]).message == message  # a cut within the last four characters
    if size > 33:
        assert refused(url + "AAAA").message == message


@pytest.mark.parametrize(
    ("old", "new", "flaw"),
    [
        ("A", "A\n", "it has line breaks or other whitespace"),
        ("A", "A\r\n", "it has line breaks or other whitespace"),
        ("A", " A", "it has line breaks or other whitespace"),
        ("A", "A\t", "it has line breaks or other whitespace"),
        ("+", "-", "it is in the URL-safe alphabet, with '-' and '_' instead of '+' and '/'"),
        ("/", "_", "it is in the URL-safe alphabet, with '-' and '_' instead of '+' and '/'"),
        ("+", "%2B", "it has percent-escapes"),
        ("=", "%3D", "it has percent-escapes"),
        ("A", "\0", "it has characters that are not base64"),
        ("A", "*", "it has characters that are not base64"),
        ("A", "\u00e4", "it has characters that are not base64"),
        ("A", "\u0391", "it has characters that are not base64"),
        ("A", "\ud83d", "it has characters that are not base64"),
    ],
)
def test_nothing_is_repaired(old: str, new: str, flaw: str) -> None:
    header, _, text = uri(png(1, 1) + b"\xfb\xff\xbf\xfb\xff\xbf\0").partition(",")
    assert old in text
    error = refused(f"{header},{text.replace(old, new, 1)}")
    assert error.message == f"{EXPECTED}an invalid base64-encoded value: {flaw}."
    assert error.code == "invalid_value"


@pytest.mark.parametrize("text", ["=", "==", "====", "A", "A=", "AA", "AA=", "AAA", "=AAA", "AA=A", "A===", "AA==AA=="])
def test_no_base64(text: str) -> None:
    assert refused(f"data:image/png;base64,{text}").message.startswith(f"{EXPECTED}an invalid base64-encoded value")


def test_empty() -> None:
    assert refused("data:image/png;base64,").message == f"{EXPECTED}empty base64-encoded bytes."


# --- the URI ---


@pytest.mark.parametrize(
    "header",
    [
        "data:image/png;base64",
        "DATA:IMAGE/PNG;BASE64",
        "dAtA:iMaGe/jpg;bAsE64",
        "data:image/svg+xml;base64",
        "data:image/vnd.microsoft.icon;base64",
        "data:image/png;charset=utf-8;base64",
        "data:image/png;name=a b.png;x;base64",
        "data:image/png;" + "x" * 200 + ";base64",
    ],
)
def test_headers(header: str) -> None:
    assert read(f"{header},{base64.b64encode(png(3, 2)).decode()}").media_type == "image/png"


@pytest.mark.parametrize(
    ("header", "got"),
    [
        ("data:application/pdf;base64", "unsupported MIME type 'application/pdf'"),
        ("data:application/octet-stream;base64", "unsupported MIME type 'application/octet-stream'"),
        ("data:text/image/png;base64", "a malformed MIME type"),
        ("data:;base64", "unsupported MIME type 'text/plain'"),
        ("data:", "unsupported MIME type 'text/plain'"),
        ("data:base64", "a malformed MIME type"),
        ("data:image;base64", "a malformed MIME type"),
        ("data:image/;base64", "a malformed MIME type"),
        ("data: image/png;base64", "a malformed MIME type"),
        ("data:image/png ;base64", "a malformed MIME type"),
        ("data:image/p'g;base64", "a malformed MIME type"),
        ("data:image/" + "x" * 60 + ";base64", "a malformed MIME type"),
        ("data:image/png", "a value without the ';base64' separator"),
        ("data:image/png;base64;charset=utf-8", "a value without the ';base64' separator"),
        ("data:image/png; base64", "a value without the ';base64' separator"),
        ("data:image/png;base64 ", "a value without the ';base64' separator"),
        ("data:image/png;", "a value without the ';base64' separator"),
        ("data:image/png;base=64", "a value without the ';base64' separator"),
        ("data:image/png;" + "x" * 250 + ";base64", "a value without a comma in its first 256 characters"),
    ],
)
def test_headers_that_are_refused(header: str, got: str) -> None:
    error = refused(f"{header},{base64.b64encode(png(3, 2)).decode()}")
    assert (error.message, error.code) == (f"{EXPECTED}{got}.", "invalid_value")


PREFIX = "a value that is no http(s) URL and is without the 'data:' prefix"


@pytest.mark.parametrize(
    ("url", "got"),
    [
        ("", PREFIX),
        ("data", PREFIX),
        (" data:image/png;base64,AAAA", PREFIX),
        ("iVBORw0KGgoAAAANSUhEUgAAAEAAAAAwCAIAAAAuKetI", PREFIX),
        ("//example.com/a.png", PREFIX),
        ("http://", PREFIX),
        ("https://exa mple.com/", PREFIX),
        ("http:example.com", PREFIX),
        ("\u00e4:x", PREFIX),
        (":", PREFIX),
        ("file:///etc/passwd", "a URL with the unsupported scheme 'file:'"),
        ("FTP://example.com/a.png", "a URL with the unsupported scheme 'ftp:'"),
        ("javascript:alert(1)", "a URL with the unsupported scheme 'javascript:'"),
        ("blob:https://example.com/1", "a URL with the unsupported scheme 'blob:'"),
        ("s3://bucket/key", "a URL with the unsupported scheme 's3:'"),
        ("C:\\a.png", "a URL with the unsupported scheme 'c:'"),
        ("data:image/png;base64", "a value without a comma in its first 256 characters"),
    ],
)
def test_other_urls_are_refused(url: str, got: str) -> None:
    assert not is_remote(url)
    error = refused(url)
    assert (error.message, error.code) == (f"{EXPECTED}{got}.", "invalid_value")


@pytest.mark.parametrize(
    ("url", "remote"),
    [
        ("http://example.com/a.png", True),
        ("https://example.com", True),
        ("HTTPS://EXAMPLE.COM/A.PNG?x=1#y", True),
        ("http://[::1]:8080/a.png", True),
        ("https://user:secret@example.com/", True),
        ("https://example.com/\u00e4.png", True),
        ("http://", False),
        ("https:///a.png", False),
        ("http://?x", False),
        ("http://[::1/a.png", False),
        ("http://exa\nmple.com/", False),
        ("http://example.com/ a.png", False),
        ("http://example.com/\r\nHost:x", False),
        ("http://example.com/\0", False),
        ("http://example.com/\u2028", False),
        ("http://example.com/\ud83d", False),
        (" http://example.com/", False),
        ("httpx://example.com/", False),
        ("data:image/png;base64,AAAA", False),
    ],
)
def test_remote(url: str, remote: bool) -> None:
    assert is_remote(url) is remote
    if remote:
        refused(url)  # whoever forgets to ask gets no image


# --- whatever comes ---


SEEDS = [make(3, 2) for _, make in MAKERS]


CODES = {
    "invalid_value", "invalid_image_format", "image_parse_error", "image_file_too_large", "image_too_large",
}  # fmt: skip


@given(st.binary(max_size=200) | st.builds(lambda head, rest: head + rest, st.sampled_from(SEEDS), st.binary()))
@example(b"\xff\xd8\xff")
def test_any_bytes(data: bytes) -> None:
    limits = ImageLimits(size=150)
    if not accepted(data, limits):
        assert refused(uri(data), limits).code in CODES
        return
    image = read(uri(data), limits)
    assert image.data == data
    assert len(data) <= limits.size
    assert 1 <= image.width <= limits.side
    assert 1 <= image.height <= limits.side


@given(st.sampled_from(SEEDS), st.integers(0, 60), st.integers(0, 255))
def test_any_byte_of_a_header_changed(seed: bytes, at: int, value: int) -> None:
    changed = bytearray(seed)
    changed[at % len(seed)] = value
    accepted(bytes(changed))


@given(st.text(st.characters()) | st.text("data:imge/pn;bs64,AA==+-_%\n ").map(lambda text: "data:image/png" + text))
@example("data:,")
@example("data:image/png;base64,\ud83d")
def test_any_text(url: str) -> None:
    assert is_remote(url) is False
    assert refused(url).code in CODES


SECRET = "TheUsersPrivatePicture"


@pytest.mark.parametrize(
    "url",
    [
        SECRET * 9,
        f"data:{SECRET * 9}",
        f"data:{SECRET},",
        f"data:image/png,{SECRET}",
        f"data:image/png;base64,{SECRET}",
        f"data:image/png;base64,{SECRET}AA",
        f"data:image/png;base64,{SECRET}*",
        f"data:image/png;{SECRET},AAAA",
        f"https://{SECRET}@:",
    ],
)
def test_errors_tell_no_data(url: str) -> None:
    assert SECRET.lower() not in refused(url).body().decode().lower()
    with pytest.raises(InvalidRequest) as caught:
        read(url)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_an_image_in_a_log_is_short() -> None:
    image = read(uri(png(3, 2) + bytes(10_000)))
    assert repr(image) == "InputImage(media_type='image/png', width=3, height=2)"
    assert image == read(uri(png(3, 2) + bytes(10_000), "image/jpeg"))
    assert image != read(uri(png(3, 2) + bytes(10_001)))


def test_large_and_hostile() -> None:
    """Megabytes of the worst: a step a byte would take a minute here."""
    size = 19_000_000
    rest = random.Random(1).randbytes(1000) * (size // 1000)
    for data in (b"\xff\xe0\0\2" * (size // 4), b"\xff" * size, b"\xff\xd0" * (size // 2), bytes(size), rest):
        assert not accepted(b"\xff\xd8\xff\xe0\0\2" + data)
    for text in (" A", "\n", "%2B", "-_", "=A", "A=", "\u00e4"):
        refused("data:image/png;base64," + text * (size // len(text)))
    refused("data:" + "image/png;" * (size // 10))
    assert not is_remote("http://" + "\n" * size)
