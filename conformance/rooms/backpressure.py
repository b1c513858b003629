"""The client stops reading, and memory must not grow: the provider has to wait.

Seen from outside through `scripted:report=deltas`, the number of deltas produced since the start.
"""

import time

from conformance.case import Failed, case
from conformance.rooms.disconnect import until
from conformance.target import SCRIPTED, Target

RULE = "a slow reader must slow the producer down, not fill the server's memory"
ENDLESS = f"{SCRIPTED}:tokens=2000000"
# Some 100 MB. Linux lets the buffers of a socket grow to 36 MB (tcp_rmem, tcp_wmem), and there may be two hops.
MANY = 400_000
PATIENCE = 6.0  # seconds until the count must stand still; it takes a fraction of one
CALM = 20  # deltas the reports themselves and other clients may add between two looks


def plateau(target: Target, begun: int) -> int:
    """Wait until the count of deltas stands still; returns it."""
    end, calm = time.monotonic() + PATIENCE, 0
    last = target.report("deltas")
    while time.monotonic() < end:
        time.sleep(0.05)
        now = target.report("deltas")
        calm = calm + 1 if now - last <= CALM else 0
        if now - begun > MANY:
            raise Failed(f"{now - begun} deltas were produced for a client that does not read")
        if calm == 4:
            return now
        last = now
    raise Failed(f"no plateau in {PATIENCE:g} s: {last - begun} deltas, and still growing")


@case("backpressure.plateau", rule=RULE, needs=("scripted",))
def stops_and_goes_on(target: Target) -> None:
    """One client with a full buffer must cost a bounded amount, then get the rest when it reads on."""
    begun = target.report("deltas")
    with target.live((), 4096, model=ENDLESS, max_tokens=None) as live:
        live.content()
        stalled = plateau(target, begun)
        for number, _ in enumerate(live):
            if number % 1000 == 0 and number and target.report("deltas") > stalled + 2 * CALM + number // 1000:
                return
            if number > stalled - begun + 100_000:
                break
    raise Failed(f"after reading on, no more than {stalled - begun} deltas came")


@case("backpressure.others", rule=RULE, needs=("scripted",))
def others(target: Target) -> None:
    """A stalled client must not stall the server for everybody else."""
    with target.live((), 4096, model=ENDLESS, max_tokens=None) as live:
        live.content()
        for _ in range(5):
            begun = time.monotonic()
            target.chat(messages=[{"role": "user", "content": "one two three"}])
            target.stream(messages=[{"role": "user", "content": "one two three"}])
            if (took := time.monotonic() - begun) > 2:
                raise Failed(f"another client waited {took:.1f} s")


@case("backpressure.leaves", rule=RULE, needs=("scripted",), complaint=16)
def leaves(target: Target) -> None:
    """A stalled client that goes away must be noticed although the server is stuck in a write."""
    before = until(target, lambda count: count == 0, 1.0)
    with target.live((), 4096, model=ENDLESS, max_tokens=None) as live:
        live.content()
        plateau(target, target.report("deltas"))
        live.connection.reset()
        left = until(target, lambda count: count <= before, 1.0)
    if left > before:
        raise Failed("the call is still at work a second after its stalled client left")
