"""Which documents of a collection are meant, by what is known of them rather than by what they say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from assay_core.documents import VersionState


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Documents that fit every part that is given; none given fits none.

    `names` are patterns of whole names, of which one must fit: `*` stands for any characters (also `/`), `?` for
    one, `[a-c]` for one of these; case counts. `metadata` are values that must be equal; of tags, one that must be
    among them. `state` and the times are those of the newest version.
    """

    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    states: tuple[VersionState, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict[str, object])
    uploaded_before: datetime | None = None
    uploaded_after: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked, which would mean every document."""
        parts = (self.names, self.ids, self.states, self.metadata, self.uploaded_before, self.uploaded_after)
        return not any(parts)

    def fits(self, name: str, metadata: Mapping[str, object]) -> bool:
        """Whether name and metadata fit; the other parts are for the store to ask."""
        if self.names and not any(fnmatchcase(name, pattern) for pattern in self.names):
            return False
        return all(_holds(metadata.get(key), wanted) for key, wanted in self.metadata.items())


def _holds(value: object, wanted: object) -> bool:
    return wanted in value if isinstance(value, list) else value == wanted
