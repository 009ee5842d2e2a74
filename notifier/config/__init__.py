"""What a project says in `config/notifier.yaml`, as frozen values.

config = load(find_project(Path.cwd()))
"""

from __future__ import annotations

from notifier.config.project import FILE, find_project, is_configured, load
from notifier.config.schema import config_schema
from notifier.config.sections import (
    CATEGORIES,
    CHANNELS,
    Brake,
    Brakes,
    Calendar,
    Calendars,
    Channels,
    Config,
    Email,
    Limits,
    Promise,
    Redirect,
    Retention,
    Shop,
    Sms,
    Surveys,
    Team,
    UselessAfter,
    Web,
)

__all__ = [
    "CATEGORIES",
    "CHANNELS",
    "FILE",
    "Brake",
    "Brakes",
    "Calendar",
    "Calendars",
    "Channels",
    "Config",
    "Email",
    "Limits",
    "Promise",
    "Redirect",
    "Retention",
    "Shop",
    "Sms",
    "Surveys",
    "Team",
    "UselessAfter",
    "Web",
    "config_schema",
    "find_project",
    "is_configured",
    "load",
]
