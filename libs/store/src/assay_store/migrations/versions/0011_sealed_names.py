"""Keys of documents in a small table of their own; names, metadata, digests and failures sealed with them

Data that is there already is sealed in this step, for which it needs the master key
(ASSAY_SECRETS__MASTER_KEY_FILE); an empty database does not.
"""

import base64
import os
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from assay_core.documents import CollectionId, DocumentId, TenantId
from assay_core.errors import Invalid
from assay_store import keys
from assay_store.encryption import Vault

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.create_table(
        "document_keys",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("name_digest", sa.LargeBinary(), nullable=True),
        sa.Column("key_wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant", "document"], ["documents.tenant", "documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant", "document"),
        sa.UniqueConstraint("tenant", "collection", "name_digest", name="document_keys_name"),
    )
    op.add_column("documents", sa.Column("name_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("documents", sa.Column("metadata_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("versions", sa.Column("sha256_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("versions", sa.Column("error_sealed", sa.LargeBinary(), nullable=True))
    _seal_what_is_there()
    op.drop_index("documents_name", "documents")
    for column in ("name", "metadata", "key_wrapped"):
        op.drop_column("documents", column)
    for column in ("sha256", "error"):
        op.drop_column("versions", column)
        op.alter_column("versions", f"{column}_sealed", new_column_name=column)
    op.alter_column("versions", "sha256", nullable=False)
    op.drop_column("jobs", "error")
    op.create_index(
        "documents_by_time",
        "documents",
        ["tenant", "collection", "created_at", "id"],
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def _seal_what_is_there() -> None:
    connection = op.get_bind()
    # Nobody can read what lost its key; what was only marked as deleted loses it now.
    connection.execute(
        sa.text("DELETE FROM versions v USING documents d WHERE d.tenant = v.tenant AND d.id = v.document"
                " AND (d.deleted_at IS NOT NULL OR d.key_wrapped IS NULL)")
    )  # fmt: skip
    rows = connection.execute(
        sa.text("SELECT tenant, id, collection, name, metadata, key_wrapped FROM documents WHERE deleted_at IS NULL")
    ).all()
    if not rows:
        return
    vault = _vault()
    for row in rows:
        document = DocumentId(TenantId(row.tenant), row.id)
        key = vault.document_key(document, bytes(row.key_wrapped))
        collection = CollectionId(document.tenant, row.collection)
        digest = vault.name_digest(collection, row.name)
        keys.keep(connection, document, collection, name_digest=digest, wrapped=bytes(row.key_wrapped))
        connection.execute(
            sa.text("UPDATE documents SET name_sealed = :n, metadata_sealed = :m WHERE tenant = :t AND id = :d"),
            {
                "n": keys.seal_name(key, document, row.name),
                "m": keys.seal_metadata(key, document, row.metadata) if row.metadata else None,
                "t": row.tenant,
                "d": row.id,
            },
        )
        versions = connection.execute(
            sa.text("SELECT version, sha256, error FROM versions WHERE tenant = :t AND document = :d"),
            {"t": row.tenant, "d": row.id},
        ).all()
        for one in versions:
            connection.execute(
                sa.text("UPDATE versions SET sha256_sealed = :s, error_sealed = :e"
                        " WHERE tenant = :t AND document = :d AND version = :v"),
                {
                    "s": keys.seal_sha256(key, document, one.sha256),
                    "e": None if one.error is None else keys.seal_error(key, document, one.version, one.error),
                    "t": row.tenant,
                    "d": row.id,
                    "v": one.version,
                },
            )  # fmt: skip


def _vault() -> Vault:
    file = os.environ.get("ASSAY_SECRETS__MASTER_KEY_FILE")
    if not file:
        raise Invalid(
            "This database holds documents whose names are to be sealed now: set ASSAY_SECRETS__MASTER_KEY_FILE for"
            " the migration.",
            code="bad_master_key",
        )
    return Vault(base64.b64decode(Path(file).read_text().strip()))
