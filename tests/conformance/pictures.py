"""The mistakes servers make with images and the files they keep: more of `flaws`."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace

from conformance.message import Reply
from conformance.servers import KEY

from .mutations import body, header, put, status
from .proxy import Flaw, Object


def images(change: Callable[[Object], object]) -> Callable[[Reply], Reply]:
    """Change each image of a reply in place."""

    def changed(found: Object) -> None:
        for entry in found["data"] if "output_format" in found else ():
            change(entry)

    return lambda reply: reply if is_file(reply) else body(changed)(reply)


def timeless(reply: Reply) -> Reply:
    return reply if is_file(reply) else body(lambda found: found.pop("created", None))(reply)


def no_image(entry: Object) -> None:
    entry["b64_json"] = base64.b64encode(b"a cat").decode()


def elsewhere(entry: Object) -> None:
    entry["url"] = entry["url"][:-8] + "gone.png"


def without_host(entry: Object) -> None:
    entry["url"] = entry["url"][entry["url"].index("/media") :]


def is_file(reply: Reply) -> bool:
    return (reply.header("content-type") or "").startswith("image/")


def files(change: Callable[[Reply], Reply]) -> Callable[[Reply], Reply]:
    """Change replies that are a file, or a part of one."""
    return lambda reply: change(reply) if is_file(reply) else reply


def shifted(reply: Reply) -> Reply:
    return replace(reply, body=reply.body[1:] + b"?") if reply.status == 206 else reply


def never_sent(field: str) -> Callable[[str], str]:
    """The server does not look at this header field."""
    return lambda head: re.sub(rf"(?i)^{field}:.*\r\n", "", head, flags=re.MULTILINE)


def only_dates(head: str) -> str:
    """If-None-Match is not looked at where there is a date."""
    return never_sent("If-None-Match")(head) if "If-Modified-Since" in head else head


def strong_only(head: str) -> str:
    return re.sub(r"(?m)^If-None-Match: W/.*\r$", 'If-None-Match: "none"\r', head)


def guessed(head: str) -> str:
    """What is malformed is read as if it were 1-3."""
    return re.sub(r"(?m)^Range: (?!bytes=-?\d+).*\r$", "Range: bytes=1-3\r", head)


def with_key(head: str) -> str:
    return head if "Authorization" in head else head.replace("\r\n", f"\r\nAuthorization: Bearer {KEY}\r\n", 1)


def sized(found: Object) -> None:
    if "prompt" in found:
        found["size"] = "128x128"


def repaired(found: Object) -> None:
    """A value that is wrong is taken for one that is right."""
    if "prompt" in found and "x" not in str(found.get("size")):
        found["size"] = "256x256"


PICTURES: dict[str, Flaw] = {
    "images without created": Flaw(("images.b64",), reply=timeless),
    "an image that is none": Flaw(("images.b64", "images.size"), reply=images(no_image)),
    "another size than asked for": Flaw(("images.size", "images.url"), request=sized),
    "one image instead of two": Flaw(("images.count",), request=put(n=1)),
    "an address without a host": Flaw(("images.url",), reply=images(without_host)),
    "an address where nothing is": Flaw(("images.url", "media.type"), reply=images(elsewhere)),
    "sizes guessed": Flaw(("images.refusals",), request=repaired),
    "images without a key": Flaw(("images.key",), head=with_key),
    "files with a key only": Flaw(("images.url", "media.head"), reply=files(status(lambda code: True, 401))),
    "files of no type": Flaw(("media.type",), reply=files(header("content-type", "text/html"))),
    "types to be guessed": Flaw(("media.type",), reply=header("x-content-type-options", None)),
    "HEAD without a length": Flaw(("media.head",), reply=files(header("content-length", "1"))),
    "no ETag": Flaw(("media.etag",), reply=header("etag", None)),
    "always the whole file": Flaw(("media.etag",), head=never_sent("If-None-Match")),
    "weak tags not known": Flaw(("media.etag",), head=strong_only),
    "no dates": Flaw(("media.date",), head=never_sent("If-Modified-Since")),
    "the date before the tag": Flaw(("media.date",), head=only_dates),
    "ranges announced and ignored": Flaw(("media.ranges",), head=never_sent("Range")),
    "ranges off by one": Flaw(("media.ranges",), reply=shifted),
    "a part without its place": Flaw(("media.ranges",), reply=header("content-range", None)),
    "416 without the length": Flaw(("media.range-behind",), reply=header("content-range", None)),
    "ranges behind the end are the whole": Flaw(("media.range-behind",), head=never_sent("Range")),
    "malformed ranges guessed": Flaw(("media.range-malformed",), head=guessed),
    "If-Range not looked at": Flaw(("media.if-range",), head=never_sent("If-Range")),
    "other files given away": Flaw(("media.elsewhere",), reply=status(lambda code: code == 404, 200)),
}
