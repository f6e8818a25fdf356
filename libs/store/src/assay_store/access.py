"""Tenants, principals, API keys and access rules."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from assay_core.documents import AclId, TenantId
from assay_core.errors import Denied
from assay_core.principals import EVERYONE, Principal
from sqlalchemy import Connection, Row, text
from sqlalchemy.dialects.postgresql import insert

from assay_store.ids import new_id
from assay_store.tables import acl_rules, acls, api_keys, principals, tenants

API_KEY_PREFIX = "assay_"

_VALID_KEY = """
SELECT k.id AS key, p.tenant, p.id, p.name, p.roles FROM api_keys k
JOIN principals p ON p.tenant = k.tenant AND p.id = k.principal
WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND p.disabled_at IS NULL AND
"""


def new_api_key() -> str:
    """A key with 256 random bits; only its hash is stored."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def ensure_tenant(connection: Connection, tenant: TenantId, name: str) -> None:
    """Create a tenant unless it exists."""
    connection.execute(insert(tenants).values(tenant=tenant, name=name).on_conflict_do_nothing())


def all_tenants(connection: Connection) -> list[TenantId]:
    """Every tenant; for work that nobody in particular asked for."""
    return [TenantId(row.tenant) for row in connection.execute(text("SELECT tenant FROM tenants ORDER BY tenant"))]


def ensure_principal(connection: Connection, principal: Principal, *, kind: str = "user") -> None:
    """Create a principal, or bring its name and roles up to date."""
    values = {"name": principal.name, "roles": sorted(principal.roles)}
    connection.execute(
        insert(principals)
        .values(tenant=principal.tenant, id=principal.id, kind=kind, **values)
        .on_conflict_do_update(index_elements=["tenant", "id"], set_=values)
    )


def ensure_api_key(
    connection: Connection, principal: Principal, key: str, *, name: str, expires_at: datetime | None = None
) -> None:
    """Make `key` valid for `principal`, until then if a time is given; nothing happens if it is already."""
    connection.execute(
        insert(api_keys)
        .values(
            tenant=principal.tenant,
            id=new_id(),
            principal=principal.id,
            name=name,
            hash=_key_hash(key),
            expires_at=expires_at,
        )
        .on_conflict_do_nothing(index_elements=["hash"])
    )


def revoke_api_key(connection: Connection, key: str) -> None:
    """Make a key invalid for good."""
    connection.execute(
        text("UPDATE api_keys SET revoked_at = now() WHERE hash = :hash AND revoked_at IS NULL"),
        {"hash": _key_hash(key)},
    )


def authenticate(connection: Connection, key: str) -> Principal:
    """The principal of an API key. Raises `Denied` if it is unknown, expired, revoked or its owner is disabled."""
    return valid_key(connection, key).owner


@dataclass(frozen=True, slots=True)
class ValidKey:
    """An API key that may be used, without the key itself."""

    id: str
    owner: Principal


def valid_key(connection: Connection, key: str) -> ValidKey:
    """As `authenticate`, with the key's id, by which a session can name it."""
    row = connection.execute(text(_VALID_KEY + "k.hash = :hash"), {"hash": _key_hash(key)}).one_or_none()
    if row is None:
        raise Denied("The API key is not valid; create one or ask an administrator.", code="bad_api_key")
    return _valid_key(row)


def key_by_id(connection: Connection, tenant: TenantId, key_id: str) -> ValidKey:
    """The key that a session was opened with. Raises `Denied` as `authenticate` does."""
    row = connection.execute(
        text(_VALID_KEY + "k.tenant = :t AND k.id = :id"), {"t": tenant, "id": key_id}
    ).one_or_none()
    if row is None:
        raise Denied("The session's API key is no longer valid; sign in again.", code="session_ended")
    return _valid_key(row)


def _valid_key(row: Row[tuple[object, ...]]) -> ValidKey:
    return ValidKey(row.key, Principal(TenantId(row.tenant), row.id, row.name, frozenset(row.roles)))


def get_principal(connection: Connection, tenant: TenantId, identity: str) -> Principal:
    """A principal with its present roles. Raises `Denied` if it is unknown or disabled."""
    row = connection.execute(
        text("SELECT name, roles FROM principals WHERE tenant = :t AND id = :p AND disabled_at IS NULL"),
        {"t": tenant, "p": identity},
    ).one_or_none()
    if row is None:
        raise Denied(f"The principal {identity!r} is unknown or disabled.", code="forbidden")
    return Principal(tenant, identity, row.name, frozenset(row.roles))


def principal_is_active(connection: Connection, principal: Principal) -> bool:
    """Whether a principal of an existing session is still known and enabled."""
    row = connection.execute(
        text("SELECT 1 FROM principals WHERE tenant = :t AND id = :p AND disabled_at IS NULL"),
        {"t": principal.tenant, "p": principal.id},
    ).one_or_none()
    return row is not None


def acl_for(
    connection: Connection, tenant: TenantId, *, allow: Iterable[str] = (EVERYONE,), deny: Iterable[str] = ()
) -> AclId:
    """The ACL with exactly these rules, made on first use. Documents with equal rules share it."""
    rules = sorted({(p, "allow") for p in allow} | {(p, "deny") for p in deny})
    digest = hashlib.sha256(repr(rules).encode()).hexdigest()
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:t))"), {"t": f"acl:{tenant}"})
    found = connection.execute(
        text("SELECT acl FROM acls WHERE tenant = :t AND digest = :d"), {"t": tenant, "d": digest}
    ).scalar_one_or_none()
    if found is not None:
        return AclId(found)
    number = connection.execute(
        text("SELECT coalesce(max(acl), 0) + 1 FROM acls WHERE tenant = :t"), {"t": tenant}
    ).scalar_one()
    connection.execute(insert(acls).values(tenant=tenant, acl=number, digest=digest))
    for principal, effect in rules:
        connection.execute(insert(acl_rules).values(tenant=tenant, acl=number, principal=principal, effect=effect))
    return AclId(number)


def _key_hash(key: str) -> bytes:
    # A fast hash is right here: the key is 256 random bits, not a password.
    return hashlib.sha256(key.encode()).digest()
