"""A mailbox over IMAP (RFC 9051): each message is a document in the form that it has on the wire.

A message is named by UIDVALIDITY and UID, and never changes. A mailbox in which UIDVALIDITY, UIDNEXT, the number of
messages and HIGHESTMODSEQ (RFC 7162, where the server has it) are as before has not changed, and is not listed.
"""

import base64
import imaplib
import json
import re
import socket
import ssl
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from email import policy
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from typing import Literal

from assay_core.errors import AssayError, Denied, Invalid, NotFound, Unavailable
from assay_core.sources import Change, Checkpoint, Complete, Content, Upsert

from assay_adapters.fetching.connections import Deadline, Guard
from assay_adapters.fetching.urls import clean_host

Security = Literal["tls", "starttls", "none"]
_WINDOW = 1000
_CONNECT_S = 20.0
_LINE_BYTES = 1 << 20
_SIZE = re.compile(rb"UID (\d+)\b|RFC822\.SIZE (\d+)")
_MAX_SUBJECT = 120


@dataclass(frozen=True, slots=True)
class _State:
    """What a mailbox says of itself when it is opened; `after` is the last UID of a listing that broke off."""

    uidvalidity: int
    uidnext: int
    exists: int
    modseq: int
    after: int = 0

    def same_listing(self, other: "_State") -> bool:
        return self.uidvalidity == other.uidvalidity


class ImapConnector:
    """Connector of a mailbox, which is opened for reading only: nothing is marked as seen.

    Args:
        port: 0 takes the usual one: 993, or 143 without TLS from the start.
        max_bytes: of one message.
        timeout_s: longest silence of the server.
    """

    def __init__(
        self,
        *,
        host: str,
        username: str,
        password: str,
        guard: Guard,
        max_bytes: int,
        port: int = 0,
        mailbox: str = "INBOX",
        security: Security = "tls",
        timeout_s: float = 60.0,
    ) -> None:
        self._host = clean_host(host)
        self._port = port or (993 if security == "tls" else 143)
        self._username = username
        self._password = password
        self._mailbox = mailbox
        self._security: Security = security
        self._guard = guard
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    def changes(self, checkpoint: str) -> Iterator[Change]:
        before = _read_state(checkpoint)
        with self._session() as session:
            now = self._select(session)
            if before == now:
                yield Checkpoint(checkpoint)
                return
            after = before.after if before and before.same_listing(now) else 0
            for first in range(after + 1, now.uidnext, _WINDOW):
                last = min(first + _WINDOW, now.uidnext) - 1
                for uid, size_bytes in self._sizes(session, first, last):
                    yield self._upsert(session, now, uid, size_bytes)
                yield Checkpoint(_write_state(_State(now.uidvalidity, 0, 0, 0, after=last)))
            yield Complete(_write_state(now))

    def _upsert(self, session: "_Session", state: _State, uid: int, size_bytes: int) -> Upsert:
        key = f"{self._mailbox}/{state.uidvalidity}/{uid}"
        return Upsert(key, key, lambda known: self._open(session, key, uid, size_bytes, known), size_bytes=size_bytes)

    def _open(self, session: "_Session", key: str, uid: int, size_bytes: int, known: str) -> Content | None:
        if known == key:
            return None
        if size_bytes > self._max_bytes:
            raise Invalid(
                f"Message {uid} of {self._mailbox!r} is {size_bytes:,} bytes; the limit is {self._max_bytes:,}.",
                code="too_large",
            )
        with self._translated():
            _, answers = session.uid("FETCH", str(uid), "(BODY.PEEK[])")
        raw = next((answer[1] for answer in answers if isinstance(answer, tuple)), None)
        if not isinstance(raw, bytes):
            raise NotFound(f"Message {uid} of {self._mailbox!r} has gone.", code="item_gone")
        return Content(iter((raw,)), key, name=f"{self._mailbox}/{_subject(raw)} ({uid}).eml")

    def _sizes(self, session: "_Session", first: int, last: int) -> list[tuple[int, int]]:
        """UID and size of each message in a range that is not marked as deleted, by UID."""
        with self._translated():
            _, found = session.uid("SEARCH", "UID", f"{first}:{last}", "UNDELETED")
            uids = [int(uid) for line in found if isinstance(line, bytes) for uid in line.split() if uid.isdigit()]
            if not uids:
                return []
            _, answers = session.uid("FETCH", _ranges(uids), "(UID RFC822.SIZE)")
        sizes = dict(_size(answer) for answer in answers if isinstance(answer, bytes))
        return [(uid, sizes.get(uid, 0)) for uid in sorted(set(uids)) if first <= uid <= last]

    def _select(self, session: "_Session") -> _State:
        with self._translated():
            quoted = '"' + _utf7(self._mailbox).replace("\\", "\\\\").replace('"', '\\"') + '"'
            status, answer = session.select(quoted, readonly=True)
            if status != "OK":
                raise NotFound(f"There is no mailbox {self._mailbox!r}: {answer!r}.", code="source_not_found")
            number = {name: _number(session, name) for name in ("UIDVALIDITY", "UIDNEXT", "EXISTS", "HIGHESTMODSEQ")}
            uidnext = number["UIDNEXT"] or self._next_uid(session, number["EXISTS"])
        return _State(number["UIDVALIDITY"], uidnext, number["EXISTS"], number["HIGHESTMODSEQ"])

    def _next_uid(self, session: "_Session", exists: int) -> int:
        """For servers that do not tell."""
        if not exists:
            return 1
        _, answers = session.fetch("*", "(UID RFC822.SIZE)")
        return max((_size(answer)[0] for answer in answers if isinstance(answer, bytes)), default=0) + 1

    @contextmanager
    def _session(self) -> "Generator[_Session]":
        with self._translated():
            session = _Session(self._guard, self._host, self._port, self._security, self._timeout_s, self._max_bytes)
        try:
            with self._translated():
                if self._security == "starttls":
                    session.starttls(ssl.create_default_context())
                self._login(session)
            yield session
        finally:
            session.leave()

    def _login(self, session: "_Session") -> None:
        try:
            session.login(self._username, self._password)
        except (imaplib.IMAP4.abort, imaplib.IMAP4.readonly):
            raise
        except imaplib.IMAP4.error as error:
            # The server's words may repeat what was sent.
            raise Denied(
                f"{self._host!r} refuses the user {self._username!r}: check name and password.", code="source_denied"
            ) from error

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except AssayError:
            raise
        except (imaplib.IMAP4.error, OSError, ValueError) as error:
            raise Unavailable(
                f"{self._host!r} does not answer as a mail server does: {error!r}.", code="source_unavailable"
            ) from error


class _Session(imaplib.IMAP4):
    """A connection that the guard has opened. What the server may send at once is bounded."""

    def __init__(
        self, guard: Guard, host: str, port: int, security: Security, timeout_s: float, max_bytes: int
    ) -> None:
        self._guard = guard
        self._security: Security = security
        self._silence_s = timeout_s
        self._most_bytes = max_bytes + _LINE_BYTES
        super().__init__(host, port, timeout=timeout_s)

    def _create_socket(self, timeout: float | None) -> socket.socket:  # pyright: ignore[reportIncompatibleMethodOverride] (a hook that the library's own TLS class overrides too)
        del timeout
        plain = self._guard.connect(self.host, self.port, Deadline(_CONNECT_S, what=f"Connecting to {self.host!r}"))
        plain.settimeout(self._silence_s)
        if self._security != "tls":
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
        except OSError:
            plain.close()
            raise

    def read(self, size: int) -> bytes:
        if size > self._most_bytes:
            raise self.abort(f"the server sends {size:,} bytes at once")
        return super().read(size)

    def leave(self) -> None:
        """Log out if the server still listens, and close."""
        try:
            self.logout()
        except (imaplib.IMAP4.error, OSError):
            self.shutdown()


def _number(session: _Session, name: str) -> int:
    _, found = session.response(name)
    value = found[-1] if found else None
    return int(value) if isinstance(value, bytes) and value.isdigit() else 0


def _size(answer: bytes) -> tuple[int, int]:
    uid = size = 0
    for found in _SIZE.finditer(answer):
        uid, size = int(found[1] or uid), int(found[2] or size)
    return uid, size


def _ranges(uids: Sequence[int]) -> str:
    """UIDs as IMAP writes sets: 1:3,7."""
    parts: list[str] = []
    ordered = sorted(set(uids))
    start = previous = ordered[0]
    for uid in [*ordered[1:], 0]:
        if uid != previous + 1:
            parts.append(str(start) if start == previous else f"{start}:{previous}")
            start = uid
        previous = uid
    return ",".join(parts)


def _subject(raw: bytes) -> str:
    header = BytesHeaderParser(policy=policy.compat32).parsebytes(raw[: 256 << 10])
    try:
        text = str(make_header(decode_header(str(header.get("Subject", "")))))
    except (ValueError, LookupError):
        text = ""
    return " ".join(text.replace("/", "-").split())[:_MAX_SUBJECT] or "Without subject"


def _read_state(checkpoint: str) -> _State | None:
    return _State(**json.loads(checkpoint)) if checkpoint else None


def _write_state(state: _State) -> str:
    return json.dumps(asdict(state))


def _utf7(mailbox: str) -> str:
    """A mailbox name as the protocol writes it: modified UTF-7 (RFC 3501, 5.1.3)."""
    out: list[str] = []
    for text in re.findall(r"[ -~]+|[^ -~]+", mailbox):
        if " " <= text[0] <= "~":
            out.append(text.replace("&", "&-"))
        else:
            coded = text.encode("utf-16-be")
            out.append("&" + _base64(coded) + "-")
    return "".join(out)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=").replace("/", ",")
