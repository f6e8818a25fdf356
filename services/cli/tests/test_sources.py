from pathlib import Path

import pytest
from assay_cli.commands.sources import SECRET_VARIABLE, seconds
from assay_cli.testing import Run
from assay_core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("90", 90), ("90s", 90), ("15m", 900), ("6h", 21_600), ("1d", 86_400)]
)
def test_times_are_read(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "m", "1w", "-5m", "1.5h", "5 m", "９0s"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        seconds(text)
    assert "15m" in raised.value.message


def test_a_secret_comes_from_a_file_or_a_variable_and_never_from_the_command_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    outcome = run("sources", "add", "imap", "mails", "mail.example", "ada", "-c", "docs")
    assert outcome.code != 0
    assert "--secret-file" in outcome.err
    assert SECRET_VARIABLE in outcome.err
    outcome = run("sources", "add", "imap", "m", "h", "ada", "-c", "docs", "--secret-file", tmp_path / "none")
    assert outcome.code != 0
    assert "none" in outcome.err
