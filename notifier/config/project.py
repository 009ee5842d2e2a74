"""Where a project is, and what its configuration says once the environment has had its word."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from notifier import provider
from notifier.config.environment import filled, literal_secrets, overridden
from notifier.config.sections import CHANNELS, Config
from notifier.core.catalogue import standard
from notifier.document import Document, Loc, explain, read, suggest
from notifier.errors import Faults, Problem, UsageError

__all__ = ["FILE", "find_project", "is_configured", "load"]

FILE = "config/notifier.yaml"

#: Nothing leaves the machine until a project says so.
_EMBEDDED = {
    "outbox": {"type": "maildir", "path": "var/outbox/email"},
    "texts": {"type": "sms_file", "path": "var/outbox/sms.ndjson"},
}


def find_project(start: Path) -> Path:
    """The nearest directory, from `start` upwards, with a config/notifier.yaml or a rules/; raises UsageError."""
    for directory in (start.absolute(), *start.absolute().parents):
        # Not by methods of Path: they raise where a directory may not be looked into.
        if os.path.isfile(directory / FILE) or os.path.isdir(directory / "rules"):  # noqa: PTH112, PTH113
            return directory
    raise UsageError(
        f"no project in {start} or above it; make one with 'notifier init DIR', or name it with --project DIR"
    )


def load(project: Path, environ: Mapping[str, str] = os.environ, *, sends: bool = True) -> Config:
    """Read a project's configuration; without the file everything has its default. Raises Faults: all at once.

    Who neither sends nor serves needs no secrets for it: without `sends` a provider with a variable that is not set is
    known by its type alone.
    """
    document = read(project / FILE, FILE) if is_configured(project) else Document(FILE, (), None)
    return _Reading(document, environ, sends=sends).config()


def is_configured(project: Path) -> bool:
    """True where there is a config/notifier.yaml, even one that cannot be read."""
    try:
        (project / FILE).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


class _Reading:
    """One reading of one file: the data as it becomes complete, where it came from, and all that is wrong with it."""

    def __init__(self, document: Document, environ: Mapping[str, str], *, sends: bool) -> None:
        self.document = document
        self.sends = sends
        self.secrets = dict(literal_secrets(document))
        data, unset, self.referred = filled(document, environ)
        self.data, self.origins, unset_too, problems = overridden(data, environ)
        if document.data is not None and not isinstance(document.data, dict):
            problems.append(document.problem((), "the file must be a mapping (key: value)"))
        self.unset = {**unset, **unset_too}
        missed = (problem for path, problem in self.unset.items() if sends or not _is_for_sending(path))
        self.problems = [*problems, *self.secrets.values(), *missed]

    def config(self) -> Config:
        given = self.data.get("providers")
        if given is None:
            given = self.data["providers"] = dict(_EMBEDDED)
        found = dict(self._providers(given)) if isinstance(given, dict) else {}
        checked = {**self.data, "providers": found} if isinstance(given, dict) else self.data
        config = self._validated(Config, checked, ())
        self._check_channels(given, found)
        self._check_fields()
        if config is None or self.problems:
            raise Faults(self._told())
        return _with_providers(config, found)

    def _providers(self, given: dict[str, Any]) -> Iterator[tuple[str, BaseModel]]:
        for name, settings in given.items():
            loc = ("providers", name)
            kind = settings.get("type") if isinstance(settings, dict) else None
            if not isinstance(kind, str):
                text = f"'{name}' needs a type: one of {', '.join(provider.installed())}"
                self._add(loc, self.document.problem(loc, text, on_key=True))
                continue
            if kind not in provider.installed():
                text = self._unknown("no provider type", kind, (*loc, "type"), "installed", provider.installed())
                self._add((*loc, "type"), self.document.problem((*loc, "type"), text))
                continue
            try:
                model = provider.find(kind).Settings
            except UsageError as error:
                self._add(loc, self.document.problem(loc, str(error)))
                continue
            if not self.sends and any(path[:2] == loc for path in self.unset):
                yield name, provider.Settings(type=kind)
                continue
            if read_settings := self._validated(model, settings, loc):
                yield name, read_settings

    def _validated(self, model: type[Any], data: Any, loc: Loc) -> Any:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            whole = {**self.data, "providers": data["providers"]} if loc == () and "providers" in data else self.data
            for path, problem in explain(self.document, error, model, loc, data=whole, hidden=self._is_hidden):
                self._add(path, problem)
            return None

    def _check_channels(self, given: Any, found: Mapping[str, Any]) -> None:
        """Each provider that a channel names must be there and carry the channel."""
        channels = self.data.get("channels")
        for channel in CHANNELS if isinstance(channels, dict) and isinstance(given, dict) else ():
            section = channels.get(channel)
            names = section.get("providers") if isinstance(section, dict) else None
            for index, name in enumerate(names if isinstance(names, list) else ()):
                loc = ("channels", channel, "providers", index)
                if name not in given:
                    text = self._unknown("no provider", str(name), loc, "known", given)
                    self._add(loc, self.document.problem(loc, text))
                elif name in found and channel not in provider.find(found[name].type).channels:
                    self._add(loc, self.document.problem(loc, f"provider '{name}' does not carry {channel}"))

    def _check_fields(self) -> None:
        """A field holds a value, or others: there is no `order.items.gift` below `order.items`."""
        declared = self.data.get("fields")
        names = [name for name in declared if isinstance(name, str)] if isinstance(declared, dict) else []
        known = [*standard().fields, *names]
        for name in names:
            if above := next((one for one in known if name.startswith(f"{one}.")), None):
                text = f"'{name}' would be a part of '{above}', which is a field itself; choose another name"
            elif below := next((one for one in standard().fields if one.startswith(f"{name}.")), None):
                text = f"'{name}' has parts, such as '{below}', and so is no field itself; choose another name"
            else:
                continue
            self._add(("fields", name), self.document.problem(("fields", name), text, on_key=True))

    def _unknown(self, what: str, name: str, path: Loc, word: str, choices: Iterable[str]) -> str:
        listed = f"; {word}: {', '.join(choices)}"
        if self._is_hidden(path):
            return f"{what} of that name{listed}"
        return f"{what} '{name}'{suggest(name, choices) or listed}"

    def _add(self, path: Loc, problem: Problem) -> None:
        """Say it once, and of a variable where the value came from one."""
        # Of what holds an unset value nobody can say whether it is sound as a whole.
        if any(path[: len(unset)] == unset or unset[: len(path)] == path for unset in self.unset):
            return
        variable = self._origin(path)
        self.problems.append(Problem(variable, 0, 0, problem.text) if variable else problem)

    def _origin(self, path: Loc) -> str | None:
        """The variable that a value is from; of a section, one that put something into it, if the file has none."""
        above = (variable for loc, variable in self.origins.items() if path[: len(loc)] == loc)
        below = (variable for loc, variable in self.origins.items() if loc[: len(path)] == path)
        return next(above, None) or (None if self.document.has(path) else next(below, None))

    def _is_hidden(self, path: Loc) -> bool:
        return self._origin(path) is not None or path in self.referred

    def _told(self) -> Iterable[Problem]:
        """The problems, without the lines that hold a secret."""
        lines = {secret.line for secret in self.secrets.values()}
        return (replace(one, source="") if one.line in lines else one for one in self.problems)


def _is_for_sending(path: Loc) -> bool:
    """Whether a value is needed by those alone who send or serve."""
    return path[:1] == ("providers",) or path == ("web", "events_token")


def _with_providers(config: Config, found: Mapping[str, Any]) -> Config:
    """A channel that names no providers has all that carry it, in the order of the file."""
    channels: dict[str, Any] = {
        channel: section
        if section.providers is not None
        else section.model_copy(update={"providers": tuple(_carrying(channel, found))})
        for channel in CHANNELS
        for section in (getattr(config.channels, channel),)
    }
    return config.model_copy(update={"channels": config.channels.model_copy(update=channels)})


def _carrying(channel: str, found: Mapping[str, Any]) -> Iterator[str]:
    return (name for name, settings in found.items() if channel in provider.find(settings.type).channels)
