"""Images in a message, as data URIs: the four formats a model sees, and what is no image told by its place.

The images are whole files of 3 x 2 pixels. Nothing here names a remote address: a judge must not make a server
fetch something.
"""

import base64
import struct
import zlib

from conformance import shapes
from conformance.case import Failed, case, fail_if
from conformance.found import show
from conformance.message import Reply
from conformance.target import Target, completed

GUIDE = "https://platform.openai.com/docs/guides/images-vision"
URL = "messages[0].content[1].image_url.url"
FILES = {
    "png": "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAEElEQVR4nGP8zwAFTDAGAwATKQED8NgHhAAAAABJRU5ErkJggg==",
    "gif": "R0lGODdhAwACAIEAAP8AAAAAAAAAAAAAACwAAAAAAwACAAAIBgABCBwYEAA7",
    "webp": "UklGRhwAAABXRUJQVlA4TA8AAAAvAkAAAAcQ/Y/+ByKi/wEA",
    "jpeg": "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////////////////"
    "////////////////////wAALCAACAAMBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF"
    "BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW"
    "V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi"
    "4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AJK//9k=",
}


def uri(data: bytes | str, kind: str = "png") -> str:
    text = data if isinstance(data, str) else base64.b64encode(data).decode()
    return f"data:image/{kind};base64,{text}"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG of 8-bit gray whose header may lie about its `rows`."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def shown(*urls: str, **fields: object) -> dict[str, object]:
    """Fields of a request that shows images behind one text part."""
    text = {"type": "text", "text": "What is this?"}
    images = [{"type": "image_url", "image_url": {"url": url} | fields} for url in urls]
    return {"messages": [{"role": "user", "content": [text, *images]}], "max_tokens": 60}


def described(target: Target, *urls: str, **fields: object) -> str:
    """What the model says to images that it must take."""
    return completed(target.chat_reply(**shown(*urls, **fields)))["choices"][0]["message"]["content"].text()


def sees(target: Target) -> None:
    """Not applicable where a plain small image is refused."""
    completed(shapes.offered(target.chat_reply(**shown(uri(FILES["png"]))), "images"))


def refused(target: Target, variants: dict[str, str], **exact: str) -> None:
    """Each is a 400, streamed too; a server of ours names the place and, where it is given, the `code`."""
    sees(target)
    wrong = []
    for name, url in variants.items():
        for streams in (False, True):
            reply = target.chat_reply(**shown(url), stream=streams)
            try:
                _check(target, reply, exact.get("code"))
            except Failed as failed:
                wrong.append(f"{name}{', streamed' if streams else ''}: {failed}")
    fail_if(wrong)


def _check(target: Target, reply: Reply, code: str | None) -> None:
    if "scripted" in target.has:
        shapes.error(reply, 400, param=URL, code=code or ...)
    else:
        shapes.error(reply, 400)


@case("vision.formats", rule=f"{GUIDE}: PNG, JPEG, WEBP and non-animated GIF", complaint=13)
def formats(target: Target) -> None:
    """What a telephone, a browser and a screenshot tool make."""
    sees(target)
    wrong = []
    for kind, data in FILES.items():
        try:
            text = described(target, uri(data, kind)).lower()
        except Failed as failed:
            wrong.append(f"{kind}: {failed}")
            continue
        if "scripted" in target.has and not (kind in text and "3 x 2" in text):
            wrong.append(f"{kind}: described as {show(text)}")
    fail_if(wrong)


@case("vision.detail", rule=f"{GUIDE}: detail auto, low or high")
def detail(target: Target) -> None:
    """Sent by every client that lets its user choose; other values are a mistake with a place."""
    sees(target)
    for value in ("auto", "low", "high"):
        described(target, uri(FILES["png"]), detail=value)


@case("vision.wrong-type", rule="the content decides: image/jpg, and a PNG that is called a JPEG, are common")
def wrong_type(target: Target) -> None:
    """File names lie, browsers believe them; OpenAI looks at the bytes."""
    sees(target)
    for kind in ("jpg", "jpeg", "webp"):
        text = described(target, uri(FILES["png"], kind))
        if "scripted" in target.has and "PNG" not in text:
            raise Failed(f"a PNG that is called image/{kind} is described as {show(text)}")


@case("vision.several", rule=f"{GUIDE}: multiple images in the content array", complaint=13)
def several(target: Target) -> None:
    """The second image is what a reader of one part loses."""
    sees(target)
    text = described(target, uri(FILES["png"]), uri(FILES["gif"], "gif")).lower()
    if "scripted" in target.has and not 0 <= text.find("png") < text.find("gif"):
        raise Failed(f"a PNG and a GIF are described as {show(text)}")


@case("vision.stream", rule="a stream is the same answer in pieces", needs=("scripted",))
def stream(target: Target) -> None:
    """Images go the same way into streams."""
    url = uri(FILES["webp"], "webp")
    text = described(target, url)
    if "3 x 2" not in text or target.stream(**shown(url)).text != text:
        raise Failed(f"the whole reply is {show(text)}, the stream is not, or says nothing of the image")


@case("vision.large", rule=f"{GUIDE}; sgl-project/sglang PR 38735: photographs of megabytes", complaint=25)
def large(target: Target) -> None:
    """4 MB behind a small header: the first photograph somebody shows."""
    sees(target)
    described(target, uri(png(3, 2, b"\0\xff\xff\xff" * 2, chunk(b"zTXt", b"note\0\0" + b"x" * 4_000_000))))


@case("vision.not-base64", rule="https://www.rfc-editor.org/rfc/rfc4648#section-4", complaint=17)
def not_base64(target: Target) -> None:
    """What cannot be decoded is the client's mistake: 400 with the place, not a 500 from the decoder."""
    refused(
        target,
        {
            "no alphabet": uri("%%%%"),
            "cut off": uri(FILES["png"][:-3]),
            "empty": uri(""),
            "not declared": "data:image/png," + FILES["png"],
            "no URI": "image",
        },
    )


@case("vision.not-an-image", rule=f"{GUIDE}: the bytes must be one of the four formats", complaint=17)
def not_an_image(target: Target) -> None:
    """An HTML error page with .png behind its name reaches a server every day."""
    refused(
        target,
        {
            "a text": uri(b"<html>404 Not Found</html>"),
            "a BMP": uri(b"BM" + bytes(60), "bmp"),
            "an SVG": uri(b'<svg xmlns="http://www.w3.org/2000/svg"/>', "svg+xml"),
        },
        code="invalid_image_format",
    )


@case("vision.broken-header", rule=f"{GUIDE}: a header that cannot be read is no image", complaint=17)
def broken_header(target: Target) -> None:
    """Eight right bytes and nothing behind them pass every check of the magic number."""
    refused(
        target,
        {
            "the signature alone": uri(b"\x89PNG\r\n\x1a\n"),
            "no size": uri(png(0, 2, b"")),
            "half a JPEG": uri(base64.b64decode(FILES["jpeg"])[:40], "jpeg"),
        },
        code="image_parse_error",
    )


@case("vision.too-many-pixels", rule="a header of 100 bytes that means gigabytes: a decompression bomb", complaint=25)
def too_many_pixels(target: Target) -> None:
    """Refused by its header, before anybody decodes it, and the server lives on."""
    refused(target, {"65000 x 65000": uri(png(65_000, 65_000, b"\0"))}, code="image_too_large")
    target.alive()


@case("vision.schemes", rule="a URL of a client must never make the server read its own files")
def schemes(target: Target) -> None:
    """file:///etc/passwd as an image is the oldest trick; nothing is read, and nothing is quoted back."""
    refused(target, {name: f"{name}:///etc/passwd" for name in ("file", "ftp", "gopher", "javascript")})
