"""HTTP to a provider's API: connections that are used again, limits of time, and a plain word on how far a call came."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from notifier import provider
from notifier.errors import UsageError
from notifier.provider import Outcome, Refused, RetryLater, Unknown
from notifier_providers.trust import is_loopback, require_certificates

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Answer", "HttpSettings", "Transport", "WebAddress"]

#: Bytes of an answer that are read; what is longer is no answer of an API.
_LONGEST_ANSWER = 64 * 1024
#: Seconds that a connection may wait for its next message; servers give up on them after a minute and more.
_IDLE_SECONDS = 15.0


def _web_address(url: str) -> str:
    """Where something answers over HTTPS, or on this computer; without a user, a query and a slash at the end."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        raise ValueError("write it like https://api.example.com")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("an address without user, query and fragment is wanted")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("http:// is for a server on this computer only; use https://")
    return url.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_web_address)]


class HttpSettings(provider.Settings):
    """What every provider with an HTTP API can be told; each says what `url` is where nothing is said."""

    url: WebAddress
    #: PEM file of an own certificate authority, instead of the system's.
    ca_file: provider.FilePath | None = None
    #: Connections used at the same time, each for one message at a time.
    connections: int = Field(default=16, ge=1, le=500)
    #: Seconds until a connection stands, until something more of the answer is there, and for one message altogether.
    connect_timeout: float = Field(default=5, gt=0)
    read_timeout: float = Field(default=20, gt=0)
    total_timeout: float = Field(default=30, gt=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.total_timeout <= self.connect_timeout:
            raise ValueError("total_timeout must be longer than connect_timeout")
        return self


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; the body as far as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Posts to one server. What it opens, it opens on first use."""

    def __init__(self, kind: str, name: str, settings: HttpSettings, project: Path) -> None:
        """`kind` is the provider's type, `name` the project's name for it; raises UsageError where it could not work."""
        try:
            import aiohttp  # noqa: F401 - not loaded where no provider needs it
        except ModuleNotFoundError as missing:
            raise UsageError(
                f"provider '{name}' of type '{kind}' needs '{missing.name}': pip install 'notifier[{kind}]'"
            ) from missing
        self._settings = settings
        self._host = urlsplit(settings.url).hostname or ""
        self._ca_file = project / settings.ca_file if settings.ca_file else None
        if self._ca_file is not None:
            require_certificates(self._ca_file, f"provider '{name}': ca_file '{settings.ca_file}'")
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer | Outcome:
        """The server's answer, whatever it is; where none came, what that means for the message."""
        import aiohttp

        try:
            session = self._session or self._open()
        except OSError as error:
            return Refused(f"cannot use ca_file {self._settings.ca_file}: {error.strerror or error}", "provider")
        try:
            # Never after a redirect: it would take the key to whoever it names.
            async with session.post(
                f"{self._settings.url}{path}", data=body, headers=headers, allow_redirects=False
            ) as response:
                return Answer(response.status, response.headers, await _read(response))
        except aiohttp.ClientConnectorCertificateError as error:
            fault = error.certificate_error
            why = fault.verify_message if isinstance(fault, ssl.SSLCertVerificationError) else "it is for another name"
            return Refused(f"{self._host} has no trusted certificate: {why}", "provider")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return RetryLater(None, f"no connection to {self._host}", counted=False)
        except TimeoutError:
            return Unknown(f"{self._host} took the message and did not answer in time")
        except (aiohttp.ClientError, OSError):
            return Unknown(f"{self._host} took the message and hung up")

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        settings = self._settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=ssl.create_default_context(cafile=self._ca_file),
                limit=settings.connections,
                keepalive_timeout=_IDLE_SECONDS,
            ),
            timeout=aiohttp.ClientTimeout(
                total=settings.total_timeout, connect=settings.connect_timeout, sock_read=settings.read_timeout
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, or as much of it as came: the status has been said, and nothing takes that back."""
    import aiohttp

    body = b""
    try:
        while len(body) < _LONGEST_ANSWER and (chunk := await response.content.readany()):
            body += chunk
    except (aiohttp.ClientError, OSError):  # a limit of time is an OSError too
        response.close()
    return body[:_LONGEST_ANSWER]
