"""Makes the passwords and keys of a compose deployment, once: `python infra/docker/make_secrets.py`.

There are no default ones. What exists is left as it is. Needs Python and openssl, nothing of Assay.
"""

import argparse
import base64
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent / "secrets"
SETTING = "ASSAY_SECRETS_DIR"


def make(folder: Path) -> list[str]:
    """Make the files that are missing. Returns their names."""
    # The folder keeps other users out. The files are readable to all, since containers see them under the numbers
    # of users of their own, and compose mounts a file secret with the mode that it has.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = [name for name in _plain() if _write(folder, name, _plain()[name])]
    made += _connection(
        folder, "database", f"postgresql+psycopg://assay:{_read(folder, 'postgres_password')}@postgres/assay"
    )
    for name in ("broker", "cache"):
        password = _read(folder, f"{name}_password")
        made += _connection(folder, name, f"redis://:{password}@{name}:6379/0")
        if _write(folder, f"{name}_auth.conf", f"requirepass {password}"):
            made.append(f"{name}_auth.conf")
    return made + _signing_keys(folder)


def _plain() -> dict[str, str]:
    return {
        "postgres_owner_password": _password(),
        "postgres_password": _password(),
        "broker_password": _password(),
        "cache_password": _password(),
        "milvus_token": f"root:{_password()}",
        "vllm_api_key": _password(),
        "grafana_password": _password(),
        "master_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        "api_key": f"assay_{secrets.token_urlsafe(32)}",
    }


def _password() -> str:
    # Alphanumeric: it must survive URLs, configuration files and every server's rules unquoted.
    return secrets.token_hex(24)


def _connection(folder: Path, name: str, url: str) -> list[str]:
    return [f"{name}_url"] if _write(folder, f"{name}_url", url) else []


def _signing_keys(folder: Path) -> list[str]:
    private, public = folder / "token_private_key", folder / "token_public_key"
    if private.exists() and public.exists():
        return []
    openssl = shutil.which("openssl")
    if openssl is None:
        sys.exit("openssl is not installed; it makes the key pair that signs tokens between services.")
    pem = subprocess.run([openssl, "genpkey", "-algorithm", "ed25519"], capture_output=True, check=True).stdout
    derived = subprocess.run([openssl, "pkey", "-pubout"], input=pem, capture_output=True, check=True).stdout
    # A pair is made together: a public key without its private one is of no use.
    for path, text in ((private, pem), (public, derived)):
        path.unlink(missing_ok=True)
        _write(folder, path.name, text.decode())
    return [private.name, public.name]


def _write(folder: Path, name: str, text: str) -> bool:
    path = folder / name
    if path.exists():
        return False
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    with os.fdopen(descriptor, "w") as file:
        file.write(text.strip() + "\n")
    path.chmod(0o444)
    return True


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text().strip()


def write_setting(environment: Path, template: Path, folder: Path) -> bool:
    """Say in `.env` where the secrets are, so that compose starts. Makes the file if there is none."""
    text = environment.read_text() if environment.exists() else template.read_text()
    if any(line.startswith(f"{SETTING}=") for line in text.splitlines()):
        return False
    environment.write_text(f"{text.rstrip()}\n\n{SETTING}={folder}\n")
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="Where they go (default: %(default)s).")
    folder = parser.parse_args().folder.resolve()
    made = make(folder)
    print(f"Made {', '.join(made)} in {folder}." if made else f"All secrets are in {folder} already.")
    if write_setting(ROOT / ".env", ROOT / ".env.example", folder):
        print(f"Wrote {SETTING} into {ROOT / '.env'}.")
    print(f"Your API key is in {folder / 'api_key'}.")
    print(f"Keep a copy of {folder / 'master_key'}: without it no text can be read again.")


if __name__ == "__main__":
    main()
