"""The environment of the platform that runs on a data folder, for commands that work on its stores."""

from pathlib import Path

from assay_embedded import control, secrets, settings
from assay_embedded.home import Home
from assay_embedded.wiring import Wiring


def indexer_environment(home: Path | None) -> tuple[Path, dict[str, str]]:
    """The data folder, and what the indexer of its platform is told, but for its port."""
    wiring = running(home)
    return wiring.home.path, environment_of(wiring, "indexer")


def running(home: Path | None) -> Wiring:
    """How the platform is wired that runs on a data folder. Raises `Unavailable` if none does."""
    read = settings.read(home=home)
    folder = Home(read.home)
    ports = {part.name: part.port for part in control.status(folder).parts if part.port}
    return Wiring(
        settings=read, home=folder, secrets=secrets.ensure(folder.secrets), ports=ports, milvus_closed_in=False
    )


def environment_of(wiring: Wiring, service: str) -> dict[str, str]:
    """What one of Assay's processes is told, but for its port."""
    told = wiring.service_environment(service)
    return {key: value for key, value in told.items() if not key.startswith("ASSAY_HTTP__")}
