"""What each version changed and when it was replaced; documents whose access rules moved"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.add_column("versions", sa.Column("chunks_added", sa.Integer(), nullable=True))
    op.add_column("versions", sa.Column("chunks_removed", sa.Integer(), nullable=True))
    op.add_column("versions", sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("""
        UPDATE versions v SET replaced_at = now() FROM documents d
        WHERE d.tenant = v.tenant AND d.id = v.document AND v.version < d.live_version
    """)
    op.create_index(
        "versions_replaced", "versions", ["replaced_at"], postgresql_where=sa.text("replaced_at IS NOT NULL")
    )
    op.add_column("documents", sa.Column("acl_moved", sa.Boolean(), server_default="false", nullable=False))
    op.create_index("documents_acl_moved", "documents", ["tenant", "id"], postgresql_where=sa.text("acl_moved"))
