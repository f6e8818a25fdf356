"""Ringing the queue, with every wait bounded."""

import threading
from typing import Any

from assay_core.errors import Unavailable
from celery import Celery
from kombu.connection import Connection
from kombu.exceptions import OperationalError
from kombu.messaging import Producer

_TIMEOUT_S = 2


class Doorbell:
    """Sends task messages that name a job. Keeps one connection, and drops it when the queue does not answer."""

    def __init__(self, queue: Celery) -> None:
        # Without a bound, kombu tries to connect for ever before it publishes, and waits for ever for a frozen
        # server to answer.
        queue.conf.broker_transport_options = queue.conf.broker_transport_options | {
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
            "connect_retries_timeout": _TIMEOUT_S,
            "socket_timeout": _TIMEOUT_S,
            "socket_connect_timeout": _TIMEOUT_S,
            "retry_on_timeout": False,
        }
        self._queue = queue
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._producer: Producer | None = None

    def ring(self, task: str, job: str) -> None:
        """Put a message into the queue. Raises `Unavailable` within a few seconds if it does not take it."""
        with self._lock:
            try:
                producer = self._connected()
                self._queue.send_task(task, args=[job], producer=producer, retry=False, ignore_result=True)
            except self._errors() as error:
                self._drop()
                raise Unavailable("The queue does not answer.", code="broker_unavailable") from error

    def check(self) -> None:
        """Whether the queue's server answers. Raises `Unavailable`."""
        with self._lock:
            try:
                channel: Any = self._connected().channel  # `client` is only in the Redis channel
                channel.client.ping()
            except self._errors() as error:
                self._drop()
                raise Unavailable("The queue does not answer.", code="broker_unavailable") from error

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _connected(self) -> Producer:
        if self._producer is not None:
            return self._producer
        self._connection = self._queue.connection_for_write(connect_timeout=_TIMEOUT_S)
        self._producer = Producer(self._connection, auto_declare=False)
        return self._producer

    def _errors(self) -> tuple[type[BaseException], ...]:
        known = (OperationalError, OSError)
        connection = self._connection
        return known if connection is None else (*known, *connection.connection_errors, *connection.channel_errors)

    def _drop(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            connection.close()
