"""The file behind an image's address by HTTP's rules: validators, conditions, ranges; and no other file."""

from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.message import Reply
from conformance.pictures import Stored, stored
from conformance.target import Target

RFC = "RFC 9110 section"


def told(reply: Reply) -> str:
    return f"{reply.status}, {len(reply.body)} bytes, Content-Range: {reply.header('content-range')}"


def ranged(target: Target) -> Stored:
    """A file of a server that says it knows ranges."""
    file = stored(target)
    if (file.reply.header("accept-ranges") or "none").lower() == "none":
        raise NotApplicable("the server announces no ranges: no Accept-Ranges")
    return file


@case("media.type", rule="https://fetch.spec.whatwg.org/#x-content-type-options-header")
def kind(target: Target) -> None:
    """What a model made is a stranger's file: as an image it is harmless, guessed to be HTML it is a script of ours."""
    file = stored(target)
    if not file.field("content-type").startswith(("image/png", "image/jpeg", "image/webp", "image/gif")):
        raise Failed(f"Content-Type: {file.field('content-type')}")
    if file.field("x-content-type-options").lower() != "nosniff":
        raise Failed("no X-Content-Type-Options: nosniff")


@case("media.head", rule=f"{RFC} 9.3.2: the same header fields as for GET")
def head(target: Target) -> None:
    """Downloaders ask for the length first. g4f answers HEAD with 405."""
    file = stored(target)
    reply = file.get("HEAD")
    if reply.status != 200 or reply.header("content-length") != str(len(file.body)):
        raise Failed(
            f"HEAD: {reply.status}, Content-Length: {reply.header('content-length')} for {len(file.body)} bytes"
        )
    same = ("content-type", "etag", "last-modified", "accept-ranges")
    fail_if([name for name in same if reply.header(name) != file.reply.header(name)])


@case("media.etag", rule=f"{RFC} 13.1.2: the weak comparison; *; a list")
def etag(target: Target) -> None:
    """A page that shows a hundred images asks again for each; a 304 is a hundred bytes."""
    file = stored(target)
    tag = file.field("etag").removeprefix("W/")
    wrong = []
    for value, unchanged in (
        (tag, True),
        (f"W/{tag}", True),
        (f'"other", {tag}', True),
        ("*", True),
        ('"other"', False),
    ):
        reply = file.get(if_none_match=value)
        if reply.status != (304 if unchanged else 200) or (reply.body != b"") is unchanged:
            wrong.append(f"If-None-Match: {value}: {told(reply)}")
    fail_if(wrong)


@case("media.date", rule=f"{RFC} 13.1.3: ignored if the request contains an If-None-Match")
def date(target: Target) -> None:
    """Two files made in one second have one date: only the tag tells them apart."""
    file = stored(target)
    made = file.field("last-modified")
    reply = file.get(if_modified_since=made)
    if reply.status != 304:
        raise Failed(f"If-Modified-Since: {made}: {told(reply)}")
    reply = file.get(if_modified_since=made, if_none_match='"other"')
    if reply.status != 200:
        raise Failed(f"If-None-Match of another tag, with the date: {told(reply)}")


@case("media.ranges", rule=f"{RFC} 14.1.2, 15.3.7: 206 with Content-Range and exactly these bytes")
def ranges(target: Target) -> None:
    """Players seek and downloads go on by ranges; a byte too many breaks the file."""
    file = ranged(target)
    size, wrong = len(file.body), []
    for value, start, stop in (
        ("0-0", 0, 1),
        ("1-3", 1, 4),
        ("10-", 10, size),
        ("-5", size - 5, size),
        (f"-{size + 9}", 0, size),
        (f"2-{size + 9}", 2, size),
    ):
        reply = file.get(range=f"bytes={value}")
        expected = (206, f"bytes {start}-{stop - 1}/{size}", file.body[start:stop])
        if (reply.status, reply.header("content-range"), reply.body) != expected:
            wrong.append(f"Range: bytes={value}: {told(reply)}")
    fail_if(wrong)


@case("media.range-behind", rule=f"{RFC} 15.5.17: 416 with the length in Content-Range")
def behind(target: Target) -> None:
    """A download that goes on where the file ends learns here that it is complete."""
    file = ranged(target)
    reply = file.get(range=f"bytes={len(file.body)}-")
    if reply.status != 416 or reply.header("content-range") != f"bytes */{len(file.body)}":
        raise Failed(told(reply))


@case("media.range-malformed", rule=f"{RFC} 14.2: an invalid one is ignored or refused, never half understood")
def malformed(target: Target) -> None:
    """A wrong guess at what was meant gives a file with a hole."""
    file = ranged(target)
    wrong = []
    for value in ("bytes=3-1", "bytes=x-y", "bytes=", "lines=1-2", "bytes=--3"):
        reply = file.get(range=value)
        if (reply.status, reply.body) != (200, file.body) and reply.status not in (400, 416):
            wrong.append(f"Range: {value}: {told(reply)}")
    fail_if(wrong)


@case("media.if-range", rule=f"{RFC} 13.1.5: the range only if the validator matches by the strong comparison")
def if_range(target: Target) -> None:
    """The rest of another file behind the beginning of this one is neither."""
    file = ranged(target)
    tag = file.field("etag")
    reply = file.get(range="bytes=1-3", if_range=tag)
    if not tag.startswith("W/") and reply.status != 206:
        raise Failed(f"If-Range with the file's tag: {told(reply)}")
    for value in ('"other"', f"W/{tag.removeprefix('W/')}", "Thu, 01 Jan 1970 00:00:00 GMT"):
        reply = file.get(range="bytes=1-3", if_range=value)
        if (reply.status, reply.body) != (200, file.body):
            raise Failed(f"If-Range: {value}: {told(reply)}")


@case("media.elsewhere", rule="https://cwe.mitre.org/data/definitions/22.html: the folder and no other")
def elsewhere(target: Target) -> None:
    """A name from the URL is a stranger's word; the file it must not reach is the server's key."""
    file = stored(target)
    folder = file.path.rpartition("/")[0]
    wrong = []
    for name in (
        "../../../../../../etc/passwd",
        "..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "%2fetc%2fpasswd",
        "..%5c..%5cetc%5cpasswd",
        "..%c0%af..%c0%afetc%c0%afpasswd",
        "etc%2fpasswd%00.png",
        ".",
        "%2e%2e",
    ):
        reply = file.get(path=f"{folder}/{name}")
        if not 400 <= reply.status < 500:
            wrong.append(f"GET {folder}/{name}: {reply.status}")
    fail_if(wrong)
