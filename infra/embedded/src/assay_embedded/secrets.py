"""Passwords and keys, generated once per data folder. There are no default ones."""

import base64
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class Secrets:
    """The files, each readable to its owner only."""

    postgres_password: Path
    postgres_owner_password: Path
    broker_password: Path
    cache_password: Path
    milvus_token: Path
    vllm_api_key: Path
    master_key: Path
    token_private_key: Path
    token_public_key: Path
    api_key: Path

    def read(self, name: str) -> str:
        path: Path = getattr(self, name)
        return path.read_text().strip()


def ensure(folder: Path) -> Secrets:
    """Generate what is missing and leave the rest as it is."""
    files = Secrets(**{field.name: folder / field.name for field in fields(Secrets)})
    makers: dict[Path, Callable[[], str]] = {
        files.postgres_password: _password,
        files.postgres_owner_password: _password,
        files.broker_password: _password,
        files.cache_password: _password,
        files.milvus_token: lambda: f"root:{_password()}",
        files.vllm_api_key: _password,
        files.master_key: lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
        files.token_private_key: _private_key,
        files.token_public_key: lambda: _public_key(files.token_private_key.read_text()),
        files.api_key: lambda: f"assay_{secrets.token_urlsafe(32)}",
    }
    for path, make in makers.items():
        if not path.exists():
            write_private(path, make() + "\n")
    return files


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _password() -> str:
    # Alphanumeric: it must survive URLs, configuration files and Milvus' rules unquoted.
    return secrets.token_hex(24)


def _private_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip()


def _public_key(private_pem: str) -> str:
    key = load_pem_private_key(private_pem.encode(), password=None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().strip()
