"""Who asks: the principal that every store filters by."""

from dataclasses import dataclass

from assay_core.documents import TenantId

EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated user or service account of one tenant.

    `roles` is a subset of reader, contributor, curator, evaluator, administrator. Groups are resolved in SQL by
    `assay_store.visibility`, never taken from a request.
    """

    tenant: TenantId
    id: str
    name: str
    roles: frozenset[str]

    def has(self, role: str) -> bool:
        """Whether the principal holds `role`; an administrator holds every role."""
        return role in self.roles or "administrator" in self.roles
