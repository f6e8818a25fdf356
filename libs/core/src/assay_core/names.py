"""Names of uploads. They are shown, never used as paths: blobs are named by us."""

import re
import unicodedata

from assay_core.errors import Invalid

MAX_CHARS = 255
_DRIVE = re.compile(r"^[A-Za-z]:")
# Controls, formats (bidi marks, zero-width, tags), lone surrogates, line and paragraph separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def clean_name(raw: str) -> str:
    """The name to show, with folders as forward slashes.

    Path tricks and hidden characters are dropped, and letters composed (NFC), so that names that look alike are
    alike. Raises `Invalid` if nothing is left or it is too long.
    """
    visible = "".join(c for c in raw if unicodedata.category(c) not in _HIDDEN)
    composed = _DRIVE.sub("", unicodedata.normalize("NFC", visible).replace("\\", "/").strip())
    parts = [" ".join(part.split()) for part in composed.split("/")]
    name = "/".join(part for part in parts if part.strip(". "))
    if not name:
        raise Invalid(
            f"{raw[:80]!r} cannot name a document; send a file name, or the field 'name' before the file.",
            code="bad_name",
        )
    if len(name) > MAX_CHARS:
        raise Invalid(
            f"The name {name[:40]!r}… has {len(name):,} characters; the limit is {MAX_CHARS}. Shorten it.",
            code="bad_name",
        )
    return name
