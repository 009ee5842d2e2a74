"""The engine's thread: rounds until nothing is due, then asleep until something is."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import timedelta
from threading import Thread

from notifier.carriers import Carriers
from notifier.engine import Engine
from notifier.errors import Unreachable

__all__ = ["Worker"]

_log = logging.getLogger(__name__)

#: Seconds after which a round that waits for a provider no longer holds up the next, and how many may wait so.
_SLOW = 1.0
_MOST_ROUNDS = 8
#: Asleep no longer than this, and no shorter: what is due and cannot be done yet must not keep the machine busy.
_LONGEST_SLEEP = timedelta(seconds=30)
_SHORTEST_SLEEP = 0.1
#: Seconds before another try, after the first and after many failures.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


class Worker:
    """Works while there is work. `idle` is called whenever there is none left, `broken` where the thread ends by itself."""

    def __init__(
        self, engine: Engine, roles: Collection[str], idle: Callable[[], None], broken: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._roles = frozenset(roles) & {"engine", "dispatch"}
        self._idle = idle
        self._broken = broken
        self._jobs: deque[Callable[[], None]] = deque([engine.arm_new_rules])
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._rounds: set[asyncio.Task[int]] = set()
        self._pause = 0.0
        self._patience = 0.0
        self._clean = True
        self._thread = Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do; from any thread."""
        self._call(self._wake.set)

    def between_rounds(self, job: Callable[[], None]) -> None:
        """Do this before the next round; again, where the database does not answer. From any thread."""
        self._jobs.append(job)
        self.wake()

    def stop(self, patience: float) -> bool:
        """Begin nothing more; False where calls had to be given up after so many seconds."""
        self._patience = patience
        self._call(self._stop.set)
        self.wake()
        if self._thread.is_alive():
            self._thread.join(patience + 5)
        return self._clean and not self._thread.is_alive()

    def _call(self, act: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # it has ended already
            if self._loop is not None:
                self._loop.call_soon_threadsafe(act)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._made_loop) as runner:
                runner.run(self._work())
        except Exception:  # noqa: BLE001 - the end of a thread must be seen
            _log.exception("the engine broke")
        finally:
            self._broken()

    def _made_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

    async def _work(self) -> None:
        carriers = self._engine.carriers()
        try:
            while not self._stop.is_set():
                try:
                    await self._turn(carriers)
                except Unreachable as error:
                    await self._rest(error)
                except Exception as error:  # noqa: BLE001 - a fault of ours in one round must not be the end of all
                    _log.exception("a round failed")
                    await self._rest(error)
        finally:
            carriers.stop()
            await self._finish()
            await carriers.close()

    async def _turn(self, carriers: Carriers) -> None:
        self._wake.clear()
        self._do_jobs()
        done = await self._round(carriers)
        self._recovered()
        if done == 0:
            if not self._rounds:
                self._idle()
            await self._sleep()

    def _do_jobs(self) -> None:
        while self._jobs:
            job = self._jobs.popleft()
            try:
                job()
            except Unreachable:
                self._jobs.appendleft(job)
                raise

    async def _round(self, carriers: Carriers) -> int:
        """One more round; how much was done. One that a provider keeps waiting goes on beside the next."""
        if len(self._rounds) < _MOST_ROUNDS:
            self._rounds.add(asyncio.create_task(self._step(carriers)))
        finished, self._rounds = await asyncio.wait(self._rounds, timeout=_SLOW, return_when=asyncio.FIRST_COMPLETED)
        for slow in self._rounds:
            slow.remove_done_callback(self._back)
            slow.add_done_callback(self._back)
        for failed in (error for one in finished if (error := one.exception())):
            raise failed
        return sum(one.result() for one in finished) if finished else 1

    def _back(self, _: asyncio.Task[int]) -> None:
        self._wake.set()

    async def _step(self, carriers: Carriers) -> int:
        engine = self._engine
        if len(self._roles) == 2:
            return await engine.work(carriers)
        if "engine" in self._roles:
            return engine.fire()
        return await engine.send_page(carriers) + engine.dispatch.reconcile(engine.now())

    async def _sleep(self) -> None:
        left = self._engine.idle_for(_LONGEST_SLEEP).total_seconds()
        await _until(self._wake, max(left, _SHORTEST_SLEEP))

    async def _rest(self, error: Exception) -> None:
        """Said once, and tried again after a while."""
        if not self._pause and isinstance(error, Unreachable):
            _log.error("%s; trying again", error)
        self._pause = min(self._pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
        await _until(self._stop, self._pause)

    def _recovered(self) -> None:
        if self._pause:
            _log.info("at work again")
            self._pause = 0.0

    async def _finish(self) -> None:
        """Let the calls in flight come back and be settled."""
        if self._rounds:
            _, late = await asyncio.wait(self._rounds, timeout=self._patience)
            self._clean = not late
            for one in late:
                one.cancel()
            await asyncio.gather(*self._rounds, return_exceptions=True)


async def _until(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
