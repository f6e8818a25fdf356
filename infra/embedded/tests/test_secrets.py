import base64
from pathlib import Path

from assay_embedded import secrets
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key


def test_every_secret_is_readable_to_its_owner_only(tmp_path: Path) -> None:
    secrets.ensure(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_second_start_keeps_every_secret(tmp_path: Path) -> None:
    secrets.ensure(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    secrets.ensure(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_two_platforms_share_no_secret(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        secrets.ensure(tmp_path / name)
    one = {path.read_bytes() for path in (tmp_path / "one").iterdir()}
    two = {path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert not one & two


def test_forms(tmp_path: Path) -> None:
    made = secrets.ensure(tmp_path)
    assert len(base64.b64decode(made.read("master_key"))) == 32
    assert made.read("milvus_token").startswith("root:")
    assert made.read("api_key").startswith("assay_")
    assert len(made.read("api_key")) == len("assay_") + 43


def test_the_public_key_belongs_to_the_private_one(tmp_path: Path) -> None:
    made = secrets.ensure(tmp_path)
    private = load_pem_private_key(made.token_private_key.read_bytes(), password=None)
    public = load_pem_public_key(made.token_public_key.read_bytes())
    assert private.public_key() == public


def test_a_half_written_secret_is_never_seen(tmp_path: Path) -> None:
    leftover = tmp_path / ".api_key.new"
    leftover.write_text("half")
    made = secrets.ensure(tmp_path)
    assert made.read("api_key") != "half"
    assert not leftover.exists()
