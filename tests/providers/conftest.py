from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from notifier.provider import Refused, RetryLater


@pytest.fixture
def in_turn():
    """Send one message after the other, closing at the end only."""

    def send_in_turn(provider, *messages):
        async def each():
            try:
                return [await provider.send(message) for message in messages]
            finally:
                await provider.close()

        return asyncio.run(each())

    return send_in_turn


@pytest.fixture
def kind():
    """What an outcome comes to, without its words: `refused address`, `later uncounted 30`."""

    def named(outcome):
        match outcome:
            case Refused(_, scope):
                return f"refused {scope}"
            case RetryLater(after, _, counted):
                asked = f" {after / timedelta(seconds=1):.0f}" if after else ""
                return f"later{'' if counted else ' uncounted'}{asked}"
            case _:
                return type(outcome).__name__.lower()

    return named
