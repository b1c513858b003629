"""Sizes: what must be taken, what may be refused, and that a refusal is a status and never a crash."""

from conformance import shapes
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.message import chunked
from conformance.rooms.errors import JSON, refuses
from conformance.target import CHAT, OMIT, Target


@case(
    "limits.large-body", rule="sgl-project/sglang PR 38735, mnfst/manifest#2126: base64 images of 20 MB", complaint=25
)
def large_body(target: Target) -> None:
    """Default limits of 100 kB to 5 MB refuse the first photograph; 20 MB must pass."""
    target.chat(max_tokens=2, padding="x" * 20_000_000)


@case("limits.deep-nesting", rule=f"{JSON}#section-9: an implementation may set limits on the depth")
def deep_nesting(target: Target) -> None:
    """A kilobyte of brackets is a RecursionError, or a crash of the process."""
    deep = b"[" * 100_000
    wrong = []
    for name, body in (
        ("100000 brackets", deep),
        ("closed", deep + b"]" * 100_000),
        ("inside messages", b'{"model":"m","messages":' + deep + b"]" * 100_000 + b"}"),
        ("objects", b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
        ("in an unknown field", target.body()[:-1] + b',"x":' + deep + b"]" * 100_000 + b"}"),
    ):
        reply = target.post(CHAT, body)
        if not (reply.status == 200 and name == "in an unknown field"):
            try:
                shapes.error(reply, 400, 413)
            except Failed as failed:
                wrong.append(f"{name}: {failed}")
    fail_if(wrong)


@case("limits.huge-numbers", rule=f"{JSON}#section-6: an implementation may set limits on range and precision")
def huge_numbers(target: Target) -> None:
    """Python refuses to parse 4301 digits, 1e999 is infinite, and C++ wraps around."""
    whole = target.body(max_tokens=OMIT, temperature=OMIT)[:-1]
    numbers = {"5000 digits": b'"max_tokens":' + b"9" * 5000, "infinite": b'"temperature":1e999'}
    numbers |= {"negative": b'"max_tokens":-99999999999999999999', "seed": b'"seed":' + b"9" * 5000}
    refuses(target, {name: whole + b"," + text + b"}" for name, text in numbers.items()})


@case("limits.declared-too-large", rule="https://www.rfc-editor.org/rfc/rfc9110#section-15.5.14: 413", complaint=25)
def declared_too_large(target: Target) -> None:
    """200 MB in Content-Length can be refused before a byte of it is read."""
    head = target.request("POST", CHAT, b"").replace(b"Content-Length: 0", b"Content-Length: 200000000")
    with target.connect() as connection:
        connection.send(head)
        if not connection.readable(1.0):
            raise NotApplicable("the server waits for a body of 200 MB: no limit, or one that it checks later")
        shapes.error(connection.reply("POST"), 413)
    target.alive()


@case("limits.too-large", rule="25 MiB is the limit: 413, not 404 and not a reset", needs=("scripted",), complaint=25)
def too_large(target: Target) -> None:
    """The client is still sending when it is refused; it must get to read why."""
    whole = target.request("POST", CHAT, target.body(padding="x" * (25 * 2**20)))
    step = 2**18
    with target.connect() as connection:
        connection.send_until_answered(whole[at : at + step] for at in range(0, len(whole), step))
        shapes.error(connection.reply("POST"), 413)
    target.alive()


@case(
    "limits.chunked-too-large",
    rule="a limit counted on Content-Length alone is none: hermes-agent PR 14772",
    needs=("scripted",),
    complaint=25,
)
def chunked_too_large(target: Target) -> None:
    """25 MiB is the limit; the first byte beyond must be refused although no length was declared."""
    whole = target.body(padding="x" * (25 * 2**20))
    head = target.request("POST", CHAT, None, (*target.auth, ("Transfer-Encoding", "chunked")))
    step = 2**18
    pieces = [
        head,
        *(b"%x\r\n%b\r\n" % (len(part), part) for at in range(0, len(whole), step) if (part := whole[at : at + step])),
    ]
    with target.connect() as connection:
        connection.send_until_answered([*pieces, chunked(())])
        shapes.error(connection.reply("POST"), 413)
    target.alive()
