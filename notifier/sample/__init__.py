"""The sample shop: a project to look around in, with two weeks of orders behind it and more to come."""

from __future__ import annotations

from notifier.sample.opening import run

__all__ = ["run"]
