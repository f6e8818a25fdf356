"""Which settings a version was divided by"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.add_column("versions", sa.Column("chunking", sa.Text(), server_default="structure/220/30", nullable=False))
