"""Golden sets in versions, their questions sealed

Sets that are there already become version 1, for which it needs the master key (ASSAY_SECRETS__MASTER_KEY_FILE); a
database without any does not.
"""

import base64
import os
from itertools import groupby
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from assay_core.documents import CollectionId, TenantId
from assay_core.errors import Invalid
from assay_core.golden_sets import read_question
from assay_store import golden_sets
from assay_store.encryption import Vault
from assay_store.golden_sets import Origin

revision = "0015"
down_revision = "0014"

_PLACE = ("tenant", "collection", "dataset", "version")


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    before = op.get_bind().execute(
        sa.text("SELECT * FROM golden_questions ORDER BY tenant, collection, dataset, id")
    ).mappings().all()  # fmt: skip
    op.drop_table("golden_questions")
    _create_tables()
    if before:
        vault = _vault()
        for place, rows in groupby(before, key=lambda row: (row["tenant"], row["collection"], row["dataset"])):
            tenant, collection, dataset = place
            questions = [read_question({**row}, f"{dataset}: {row['id']}") for row in rows]
            origin = Origin(created_by="migration 0015")
            golden_sets.put(
                op.get_bind(), vault, CollectionId(TenantId(tenant), collection), dataset, questions, origin
            )


def _create_tables() -> None:
    op.create_table(
        "golden_sets",
        *_place(),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("erased", sa.Integer(), server_default="0", nullable=False),
        sa.Column("licence", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("candidate", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant", "collection"], ["collections.tenant", "collections.id"]),
        sa.PrimaryKeyConstraint(*_PLACE),
    )
    op.create_table(
        "golden_questions",
        *_place(),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint([*_PLACE], [f"golden_sets.{name}" for name in _PLACE], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint(*_PLACE, "id"),
    )
    op.create_table(
        "golden_documents",
        *_place(),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("name_digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            [*_PLACE, "question"], [f"golden_questions.{name}" for name in (*_PLACE, "id")], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(*_PLACE, "question", "name_digest"),
    )
    op.create_index("golden_documents_name", "golden_documents", ["tenant", "collection", "name_digest"])


def _place() -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Integer() if name == "version" else sa.Text(), nullable=False) for name in _PLACE]


def _vault() -> Vault:
    file = os.environ.get("ASSAY_SECRETS__MASTER_KEY_FILE")
    if not file:
        raise Invalid(
            "This database holds golden sets that are to be sealed now: set ASSAY_SECRETS__MASTER_KEY_FILE for the"
            " migration.",
            code="bad_master_key",
        )
    return Vault(base64.b64decode(Path(file).read_text().strip()))
