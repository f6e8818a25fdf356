"""Telling people: a webhook that gets JSON, and e-mail. Both are set by the administrator."""

import json
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage

import httpx
from assay_core.errors import Unavailable

_TIMEOUT_S = 10.0


class Webhook:
    """POSTs a JSON object to a URL; any 2xx will do. `token` goes as a bearer token, if there is one."""

    def __init__(self, url: str, *, token: str = "") -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def tell(self, subject: str, text: str, facts: Mapping[str, object]) -> None:
        """Send a message once. Raises `Unavailable`; the receiver may get it twice if its answer is lost."""
        body = {"text": f"{subject}\n\n{text}", "subject": subject, **facts}
        headers = {**self._headers, "Content-Type": "application/json"}
        try:
            answer = httpx.post(
                self._url, content=json.dumps(body), headers=headers, timeout=_TIMEOUT_S, trust_env=False
            )
        except httpx.HTTPError as error:
            raise Unavailable(f"The webhook cannot be reached: {type(error).__name__}.", code="webhook") from error
        if not answer.is_success:
            raise Unavailable(f"The webhook answers {answer.status_code}.", code="webhook")


class Mail:
    """Sends plain text by SMTP, over TLS unless the server is on this machine.

    Args:
        port: 465 means TLS from the start, any other STARTTLS.
    """

    def __init__(
        self, *, host: str, port: int, sender: str, to: Sequence[str], user: str = "", password: str = ""
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._to = list(to)
        self._user = user
        self._password = password

    def tell(self, subject: str, text: str, facts: Mapping[str, object]) -> None:
        """Send a message once. Raises `Unavailable`."""
        del facts
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = subject, self._sender, ", ".join(self._to)
        message.set_content(text)
        try:
            with self._connected() as server:
                if self._user:
                    server.login(self._user, self._password)
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"The mail server refused: {type(error).__name__}: {error}", code="mail") from error

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._port == smtplib.SMTP_SSL_PORT:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=_TIMEOUT_S, context=context)
        server = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_S)
        if self._host not in ("localhost", "127.0.0.1", "::1"):
            server.starttls(context=context)
        return server
