"""How fast this machine is at this moment, by a loop of plain Python that never changes.

Machines differ, and one that is shared is slower while others use it: a figure that was taken together with the loop's
can be carried over to another machine, or to a quieter hour of the same. The loop does what replaying does (it makes
texts and small dicts, and keeps some thousands of them), so that it suffers from the neighbours as replaying does.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import NamedTuple, ParamSpec

__all__ = ["QUIET", "Spent", "loop", "spent", "uncollected", "undisturbed"]

#: CPU seconds of one loop on the machine of docs/performance.md while nobody else used it.
QUIET = 0.030
_TURNS = 40_000

Given = ParamSpec("Given")


class Spent(NamedTuple):
    """Seconds: of the CPU, the system's on our behalf included, and by the clock on the wall."""

    cpu: float
    wall: float


def loop(times: int = 10) -> float:
    """CPU seconds of one loop, the fastest of so many."""
    with uncollected():
        return min(spent(_turns).cpu for _ in range(times))


def spent(work: Callable[Given, object], *values: Given.args, **named: Given.kwargs) -> Spent:
    """What `work` takes in this process."""
    wall, cpu = perf_counter(), process_time()
    work(*values, **named)
    return Spent(process_time() - cpu, perf_counter() - wall)


def undisturbed(rounds: Iterable[Sequence[float]]) -> float:
    """The time of a way that was gone several times, each stretch of it at its fastest: neighbours come and go."""
    return sum((min(stretch) for stretch in zip(*rounds, strict=True)), start=0.0)


@contextmanager
def uncollected() -> Iterator[None]:
    """A floor is measured without the search for cycles, which would only make it look slower."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _turns() -> None:
    known: dict[str, dict[str, object]] = {}
    for number in range(_TURNS):
        key = f"order:{number * 7919 % 4093}"
        known[key] = {**known.get(key, {}), "order.number": str(number), "order.total": number / 100}
