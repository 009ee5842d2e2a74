"""The project's providers on one event loop: so many calls at a time as each of them takes, and none that lasts too long."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from notifier.core.message import Message
from notifier.project import Project
from notifier.provider import Outcome, Provider, RetryLater, Unknown

__all__ = ["CALL_LIMIT", "Carriers"]

_log = logging.getLogger(__name__)

#: No call takes longer, in seconds.
CALL_LIMIT = 40.0


class Carriers:
    """Whoever wants to call takes a place first; each call that ends, ends with a place given back."""

    def __init__(self, project: Project, providers: Mapping[str, Provider]) -> None:
        self._project = project
        self._providers = providers
        self._free = {name: one.max_in_flight for name, one in providers.items()}
        self._landing = asyncio.Event()
        #: True where no call may begin any more.
        self.closing = False

    def name_for(self, channel: str) -> str:
        return self._project.config.channels.providers(channel)[0]

    def take_place(self, channel: str) -> bool:
        """Whether one more call by this channel may begin now; its place is then held for it."""
        name = self.name_for(channel)
        free = self._free[name] > 0
        self._free[name] -= free
        return free

    def give_back(self, channel: str) -> None:
        """A place that was taken and is not needed."""
        self._vacate(self.name_for(channel))

    async def landing(self) -> None:
        """Until the next call ends, whosesoever it is."""
        await self._landing.wait()

    async def send(self, name: str, message: Message, latest: float) -> Outcome:
        """One call, on a place taken before; it begins by `latest` on the monotonic clock or not at all."""
        if time.monotonic() > latest:
            self._vacate(name)
            return RetryLater(None, "its turn came too late", counted=False)
        try:
            return await asyncio.wait_for(self._providers[name].send(message), CALL_LIMIT)
        except TimeoutError:
            return Unknown(f"no answer within {CALL_LIMIT:.0f} s")
        except Exception as error:  # noqa: BLE001 - a fault of the provider's code: nobody knows how far it got
            _log.exception("provider %s failed", name)
            return Unknown(f"{type(error).__name__} in the provider's code")
        finally:
            self._vacate(name)

    def stop(self) -> None:
        """Begin no more calls."""
        self.closing = True
        self._announce()

    def _vacate(self, name: str) -> None:
        self._free[name] += 1
        self._announce()

    def _announce(self) -> None:
        self._landing.set()
        self._landing = asyncio.Event()

    async def close(self) -> None:
        for provider in self._providers.values():
            await provider.close()
