"""Where the gateway is and which key to show it: for programs that act for the person who starts them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from assay_core.errors import Denied, Invalid

DEFAULT_URL = "http://127.0.0.1:8700"


@dataclass(frozen=True)
class Gateway:
    """`key_source` and `url_source` say in words where the values came from; messages show them."""

    url: str
    url_source: str
    api_key: str = field(repr=False)
    key_source: str


def find_gateway(
    *,
    url: str | None = None,
    api_key: str | None = None,
    home: Path | None = None,
    environ: Mapping[str, str],
    key_needed: bool = True,
) -> Gateway:
    """What was given, else ASSAY_URL and ASSAY_API_KEY, else the data folder of a platform on this machine.

    A given `home` goes before the environment: who names a folder means the platform that lives there. Unless
    `key_needed`, no key is looked for and the field is empty.

    Raises:
        Invalid: the address or the key cannot be one.
        Denied: there is no key.
    """
    variables = {} if home else environ
    folder = data_folder(home, environ)
    where, url_source = _url(url, variables, folder)
    key, key_source = _key(api_key, variables, folder, where) if key_needed else ("", "nowhere")
    return Gateway(url=where, url_source=url_source, api_key=key, key_source=key_source)


def data_folder(home: Path | None, environ: Mapping[str, str]) -> Path:
    """The platform's folder on this machine: as given, else ASSAY_HOME, else ~/.assay."""
    return (home or Path(environ.get("ASSAY_HOME") or "~/.assay")).expanduser().absolute()


def _url(given: str | None, variables: Mapping[str, str], folder: Path) -> tuple[str, str]:
    if given:
        return _checked_url(given), "--url"
    if variable := variables.get("ASSAY_URL"):
        return _checked_url(variable), "ASSAY_URL"
    state = folder / "run" / "state.json"
    try:
        port = int(json.loads(state.read_text())["ports"]["gateway"])
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_URL, "the default address"
    return f"http://127.0.0.1:{port}", str(state)


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Invalid(f"{url!r} is no address of a gateway; one looks like {DEFAULT_URL!r}.", code="bad_url")
    return url.rstrip("/")


def _key(given: str | None, variables: Mapping[str, str], folder: Path, url: str) -> tuple[str, str]:
    if given:
        return _checked_key(given, "--api-key"), "--api-key"
    if variable := variables.get("ASSAY_API_KEY"):
        return _checked_key(variable, "ASSAY_API_KEY"), "ASSAY_API_KEY"
    # The key of the platform here is nobody else's business: a foreign address does not get it.
    if not _on_this_machine(url):
        raise Denied(f"There is no API key for {url}; set ASSAY_API_KEY or give --api-key.", code="no_key")
    file = folder / "secrets" / "api_key"
    try:
        return _checked_key(file.read_text(), str(file)), str(file)
    except FileNotFoundError as error:
        raise Denied(
            f"There is no API key: {str(file)!r} does not exist. Start a platform with `assay up`, name its folder "
            "with ASSAY_HOME, or set ASSAY_URL and ASSAY_API_KEY to use one elsewhere.",
            code="no_key",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Denied(f"The API key in {str(file)!r} cannot be read: {error}.", code="no_key") from error


def _checked_key(key: str, source: str) -> str:
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise Invalid(f"What {source} holds is no API key; one looks like 'assay_…'.", code="bad_key")
    return key


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
