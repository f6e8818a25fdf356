"""What is encrypted of a passage."""

import json
from dataclasses import dataclass

from assay_store.encryption import Key


@dataclass(frozen=True, slots=True)
class ChunkPayload:
    """The encrypted part of a stored chunk, or of a parent of chunks. `name` says which it is."""

    text: str
    heading_path: tuple[str, ...]
    title: str
    context: str = ""

    def seal(self, key: Key, name: str) -> bytes:
        fields = {"text": self.text, "headings": self.heading_path, "title": self.title}
        raw = json.dumps(fields | ({"context": self.context} if self.context else {}))
        return key.seal(raw.encode(), place=f"chunk:{name}")

    @classmethod
    def open(cls, key: Key, name: str, sealed: bytes) -> "ChunkPayload":
        raw = json.loads(key.open(sealed, place=f"chunk:{name}"))
        return cls(raw["text"], tuple(raw["headings"]), raw["title"], raw.get("context", ""))
