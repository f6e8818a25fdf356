"""What benchmarks print."""

from assay_cli.output import print_json, print_table, size
from assay_cli.session import Session


def show(session: Session, result: dict[str, object]) -> None:
    """Print figures, for machines or for people."""
    if session.json:
        print_json(result)
    else:
        print_table(["", ""], [[key.replace("_", " "), _shown(key, value)] for key, value in result.items()])


def _shown(key: str, value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_shown(key, item)}" for name, item in value.items()) or "–"
    if isinstance(value, list):
        return str(len(value))
    return size(value) if key.endswith("_bytes") and isinstance(value, int) else str(value)
