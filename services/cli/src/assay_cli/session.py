"""What one call of `assay` knows: how to reach the gateway, and whether a machine reads along."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click
from assay_wire import discovery

if TYPE_CHECKING:
    import httpx
    from assay_wire.clients import AssayClient


@dataclass
class Session:
    """Filled by the options that every command has; tests replace the last three."""

    url: str | None = None
    api_key: str | None = None
    home: Path | None = None
    json: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    transport: "httpx.BaseTransport | None" = None
    sleep: Callable[[float], None] = time.sleep
    _exit: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def gateway(self) -> discovery.Gateway:
        return discovery.find_gateway(url=self.url, api_key=self.api_key, home=self.home, environ=self.environ)

    @property
    def has_gateway(self) -> bool:
        """Whether the gateway has been looked up, and with success."""
        return "gateway" in vars(self)

    @cached_property
    def client(self) -> "AssayClient":
        # Late: `assay --help` needs neither httpx nor pydantic.
        from assay_wire.clients import AssayClient

        found = self.gateway
        return self._exit.enter_context(
            AssayClient(base_url=found.url, api_key=found.api_key, transport=self.transport)
        )

    def close(self) -> None:
        self._exit.close()


def session_of(context: click.Context) -> Session:
    """The session of this call."""
    session = context.find_object(Session)
    if session is None:
        session = context.find_root().obj = Session()
    return session
