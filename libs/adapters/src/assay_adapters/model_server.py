"""A server that runs one model behind JSON over HTTP: one request, and what went wrong in our own words."""

from typing import Any

import httpx
from assay_core.errors import Broken, Invalid, Unavailable

Transport = httpx.BaseTransport

_RETRY_AFTER_S = 10.0
_BUSY = (408, 425, 429, 500, 502, 503, 504)


class ModelServer:
    """Safe for many threads. Nothing is retried: the caller owns retries.

    Args:
        kind: what the server does, for messages and codes: "embedder", "reranker". The settings `ASSAY_<KIND>__URL`,
            `__MODEL` and `__API_KEY_FILE` are named in messages.
        timeout_s: for one request.
    """

    def __init__(
        self,
        *,
        kind: str,
        model: str,
        base_url: str,
        api_key: str | None,
        timeout_s: float,
        connections: int,
        transport: Transport | None = None,
    ) -> None:
        self._kind = kind
        self._model = model
        self._url = base_url.rstrip("/")
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(timeout_s, connect=2.0),
            limits=httpx.Limits(max_connections=connections),
            trust_env=False,
            transport=transport,
        )

    def post(self, path: str, body: dict[str, Any]) -> Any:  # Any: JSON
        """The JSON that the server answers.

        Raises:
            Unavailable: it cannot be reached, or is busy.
            Invalid: it refuses the model or the key.
            Broken: it answers something else than JSON.
        """
        try:
            response = self._client.post(self._url + path, json=body)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"The {self._kind} at {self._url} does not answer: {type(error).__name__}.",
                code=f"{self._kind}_unavailable",
                retry_after_s=_RETRY_AFTER_S,
            ) from error
        if response.status_code in _BUSY:
            raise Unavailable(
                f"The {self._kind} answered {response.status_code}; it is tried again later.",
                code=f"{self._kind}_unavailable",
                retry_after_s=_RETRY_AFTER_S,
            )
        if response.status_code != 200:
            setting = f"ASSAY_{self._kind.upper()}__"
            raise Invalid(
                f"The {self._kind} refused {self._model!r} with {response.status_code}; check {setting}URL,"
                f" {setting}MODEL and its key.",
                code=f"{self._kind}_refused",
            )
        try:
            return response.json()
        except ValueError:
            raise self.not_its_protocol() from None

    def not_its_protocol(self) -> Broken:
        """For an answer that is of another shape."""
        return Broken(
            f"The {self._kind} {self._model!r} sent something that is not its protocol.", code=f"{self._kind}_failed"
        )

    def close(self) -> None:
        self._client.close()
