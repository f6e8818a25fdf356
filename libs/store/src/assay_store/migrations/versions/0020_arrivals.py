"""The sequence of what arrives in a collection"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.add_column("collections", sa.Column("sequence", sa.BigInteger(), server_default="0", nullable=False))
