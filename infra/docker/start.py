"""Starts the process of a container, after putting into its environment what only a secret file may hold.

A variable NAME_FILE of those below becomes NAME, with the file's content. Standard library only: it also starts
servers of others, in their images.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

FROM_FILES = ("ASSAY_DATABASE__URL", "ASSAY_BROKER__URL", "ASSAY_CACHE__URL", "VLLM_API_KEY")


def with_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with secrets in place of the names of their files. Exits if one cannot be read."""
    found = dict(environ)
    for name in FROM_FILES:
        file = found.pop(f"{name}_FILE", None)
        if file is None:
            continue
        try:
            found[name] = Path(file).read_text().strip()
        except OSError as error:
            sys.exit(
                f"{name}_FILE: cannot read {file!r}: {error.strerror}. infra/docker/make_secrets.py makes secrets."
            )
        if not found[name]:
            sys.exit(f"{name}_FILE: {file!r} is empty.")
    return found


if __name__ == "__main__":
    environment = with_secrets(os.environ)
    os.execvpe(sys.argv[1], sys.argv[1:], environment)
