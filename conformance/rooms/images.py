"""Images made from a prompt. Each case asks for one or two of 256 x 256 pixels."""

from conformance import shapes
from conformance.case import Failed, case, fail_if
from conformance.pictures import SIZE, ask, data_of, made, size_of, stored
from conformance.target import OMIT, Target

GUIDE = "https://platform.openai.com/docs/api-reference/images/create"


@case("images.b64", rule=f"{GUIDE}: created in seconds, data[].b64_json")
def base64(target: Target) -> None:
    """Clients that save files ask for base64 and decode it without a look at its type."""
    found = made(target, response_format="b64_json")
    if not 0 < found["created"].integer() < 10**11:
        raise Failed(f"created is {found['created'].integer()}, not seconds since 1970")
    for entry in found["data"]:
        size_of(data_of(entry), entry.path)
        entry.get("revised_prompt").text_or_null()


@case("images.size", rule=f"{GUIDE}: size, the size of the generated images")
def size(target: Target) -> None:
    """A picture of another size breaks the layout it was asked for."""
    entry = made(target, response_format="b64_json")["data"][0]
    seen = size_of(data_of(entry), entry.path)
    if seen != SIZE:
        raise Failed(f"an image of {SIZE[0]} x {SIZE[1]} was asked for, it has {seen[0]} x {seen[1]}")


@case("images.count", rule=f"{GUIDE}: n, the number of images to generate", complaint=7)
def count(target: Target) -> None:
    """Honoured or refused: a client indexes data[1]."""
    found = made(target, response_format="b64_json", n=2)
    if len(found["data"]) != 2:
        raise Failed(f"two images were asked for, {len(found['data'])} came")


@case("images.url", rule=f"{GUIDE}: data[].url, an address that can be fetched")
def url(target: Target) -> None:
    """An address without a host, or of a host inside, is what clients of g4f behind a proxy got."""
    file = stored(target)
    seen = size_of(file.body, file.path)
    if seen != SIZE:
        raise Failed(f"what is there has {seen[0]} x {seen[1]} pixels")


@case("images.refusals", rule="api.openai.com: 400 with the path of the field in param", complaint=(7, 17))
def refusals(target: Target) -> None:
    """A size that is no size must not give an image of some other one."""
    made(target)
    wrong = []
    for param, fields in (
        ("prompt", {"prompt": OMIT}),
        ("prompt", {"prompt": 5}),
        ("n", {"n": 0}),
        ("n", {"n": "2"}),
        ("size", {"size": "huge"}),
        ("size", {"size": "999999x999999"}),
        ("response_format", {"response_format": "bmp"}),
    ):
        try:
            shapes.error(ask(target, **fields), 400, param=param)
        except Failed as failed:
            wrong.append(
                f"{param}={fields[param]!r}: {failed}" if fields[param] is not OMIT else f"no prompt: {failed}"
            )
    fail_if(wrong)


@case("images.key", rule="api.openai.com: 401 on every endpoint", needs=("key",))
def key(target: Target) -> None:
    """Whoever guards the chat alone pays for strangers' pictures."""
    made(target)
    shapes.error(ask(target, ()), 401)
