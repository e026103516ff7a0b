"""Who may ask: keys, known here by a name and a SHA-256 alone.

A key is 256 random bits (service.keys makes it), so one SHA-256 without salt or stretching hides it: there is nothing
shorter to guess. A file of keys has a line for each: NAME SHA256 [EXPIRES], as docs/api.md describes.
"""

import hashlib
import hmac
import ipaddress
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import Unauthorized
from service.settings import PREFIX, Settings, SettingsError, listed
from service.telemetry import visit_of

log = logging.getLogger("parley.auth")

OPEN_PATHS: Final = frozenset({"/health/live", "/health/ready"})
"""What needs no key: an orchestrator's probes have none."""
PAGE_PATHS: Final = ("/", "/page/")
"""The page and what is below: it holds no data, and asks for the key with which it then asks for answers."""
NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
SHA256: Final = re.compile(r"[0-9a-f]{64}")
PREFIX_OF_KEYS: Final = "parley_"
"""What every key begins with, so that scanners for leaked secrets can know one."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: the name under which its use is recorded, its SHA-256 in hex, and when it ends to be valid."""

    name: str
    sha256: str
    expires: datetime | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether it is valid no more."""
        return self.expires is not None and now >= self.expires

    @property
    def line(self) -> str:
        """The line of a file of keys that says the same."""
        return f"{self.name} {self.sha256}" + (f" {self.expires.isoformat()}" if self.expires else "")


def fingerprint(key: bytes) -> str:
    """The SHA-256 of a key, in hex."""
    return hashlib.sha256(key).hexdigest()


def parse_keys(lines: Iterable[str], *, source: str) -> tuple[Key, ...]:
    """The keys of these lines; empty ones and those that begin with # say nothing.

    Raises: SettingsError, which names the source and the line and quotes nothing of it.
    """
    keys: list[Key] = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                keys.append(_parse(line, keys))
            except ValueError as error:
                raise SettingsError(f"{source}: line {number}: {error}") from None
    if not keys:
        raise SettingsError(f"{source}: there is no key in it")
    return tuple(keys)


def _parse(line: str, before: Iterable[Key]) -> Key:
    parts = line.split()
    if len(parts) not in (2, 3):
        raise ValueError("must be NAME SHA256 or NAME SHA256 EXPIRES")
    name, sha256 = parts[0], parts[1].lower()
    if not NAME.fullmatch(name) or name.startswith(PREFIX_OF_KEYS):
        raise ValueError("the name must have up to 64 letters, digits, dots, dashes and underscores, and be no key")
    if not SHA256.fullmatch(sha256):
        raise ValueError("the second word must be a SHA-256 of 64 hexadecimal digits, never the key itself")
    if any(sha256 == key.sha256 or name == key.name for key in before):
        raise ValueError("its name or its key is in an earlier line already")
    return Key(name, sha256, parse_expiry(parts[2]) if len(parts) == 3 else None)


def parse_expiry(text: str) -> datetime:
    """The moment of an ISO 8601 date or time, in UTC unless it says otherwise. Raises: ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("the expiry must be such as 2027-01-31 or 2027-01-31T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class KeyRing:
    """The keys in force. Without a setting that names keys nobody needs one."""

    def __init__(self, settings: Settings) -> None:
        """Read the keys. Raises: SettingsError."""
        self._settings = settings
        self._keys = _read(settings)

    @property
    def is_locked(self) -> bool:
        """Whether a request needs a key."""
        return bool(self._keys)

    def reload(self) -> None:
        """Read the keys again; where they cannot be read those in force stay, and the log says why."""
        try:
            self._keys = _read(self._settings)
        except SettingsError as error:
            log.error("the keys were not read again, those read before stay in force: %s", error)
        else:
            if self._keys:
                log.info("%d keys are in force", len(self._keys))

    def find(self, presented: bytes) -> Key | None:
        """The key that was presented, expired or not. All are compared, each in constant time, whichever it is."""
        sha256, found = fingerprint(presented), None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, sha256):
                found = key
        return found

    def admit(self, headers: Iterable[tuple[bytes, bytes]]) -> Key:
        """The key that came with a request. Raises: Unauthorized."""
        sent = [value for name, value in headers if name == b"authorization"]
        scheme, _, presented = sent[0].partition(b" ") if len(sent) == 1 else (b"", b"", b"")
        if scheme.lower() != b"bearer" or not presented.strip():
            raise Unauthorized("send a key: Authorization: Bearer KEY", key_was_sent=False)
        key = self.find(presented.strip())
        if key is None:
            raise Unauthorized("this key is not known here", key_was_sent=True)
        if key.is_expired(datetime.now(UTC)):
            raise Unauthorized("this key has expired", key_was_sent=True)
        return key


def _read(settings: Settings) -> tuple[Key, ...]:
    if settings.keys_file and settings.keys:
        raise SettingsError(f"{PREFIX}KEYS_FILE and {PREFIX}KEYS are both set; keep one of them")
    if settings.keys:
        return parse_keys(listed(settings.keys), source=f"{PREFIX}KEYS")
    if settings.keys_file is None:
        return ()
    source = f"{PREFIX}KEYS_FILE"
    try:
        text = settings.keys_file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{source}: {settings.keys_file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{source}: line {error.object[: error.start].count(10) + 1}: not UTF-8") from None
    return parse_keys(text.split("\n"), source=source)


def check_exposure(settings: Settings, ring: KeyRing) -> None:
    """Raise SettingsError where others could reach a service that asks for no key, unless that is said to be wanted."""
    if not (ring.is_locked or settings.insecure or _is_loopback(settings.host)):
        raise SettingsError(
            f"{PREFIX}HOST: {settings.host} can be reached from other machines, and no keys are set; set "
            f"{PREFIX}KEYS_FILE, or {PREFIX}INSECURE=true if anybody may ask"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"  # what another name stands for is the network's to say


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path == PAGE_PATHS[0] or path.startswith(PAGE_PATHS[1])


class Access:
    """Pure ASGI. Lets a request in when a valid key came with it, before anything of its body is read."""

    def __init__(self, app: ASGIApp, *, ring: KeyRing) -> None:
        self._app = app
        self._ring = ring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, with the name of its key. Raises: Unauthorized."""
        if scope["type"] == "http" and self._ring.is_locked and not _is_open(scope["path"]):
            visit_of(scope).key = self._ring.admit(scope["headers"]).name
        await self._app(scope, receive, send)
