import pytest
from assay_core.errors import Invalid
from assay_core.names import clean_name


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("leave.md", "leave.md"),
        ("rules/leave.md", "rules/leave.md"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("..\\..\\windows\\system32", "windows/system32"),
        ("C:\\Users\\ada\\leave.md", "Users/ada/leave.md"),
        ("c:evil.txt", "evil.txt"),
        ("a//b/./c/../d", "a/b/c/d"),
        ("\u202egpj.exe", "gpj.exe"),
        ("in\u200bvis\ufeffible\U000e0041.md", "invisible.md"),
        ("nul\0byte\r\n.txt", "nulbyte.txt"),
        ("cafe\u0301.md", "café.md"),
        ("  spaced   out .md ", "spaced out .md"),
        ("... / .. / x.md", "x.md"),
        ("CON", "CON"),
        ("\ud800lone.md", "lone.md"),
        ("日本語.pdf", "日本語.pdf"),
        ("line\u2028separator", "lineseparator"),
    ],
)
def test_names_are_shown_without_tricks(raw: str, clean: str) -> None:
    assert clean_name(raw) == clean
    assert clean_name(clean) == clean


@pytest.mark.parametrize("raw", ["", "..", "/", "\\", "\0", "./..", "C:", "\u202e", "x" * 256])
def test_names_that_leave_nothing_or_too_much_are_refused(raw: str) -> None:
    with pytest.raises(Invalid) as error:
        clean_name(raw)
    assert error.value.code == "bad_name"
    assert len(error.value.message) < 300
