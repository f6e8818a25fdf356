"""What an evaluated case is, for comparing parts of runs; further accepted answers of golden questions"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("SET lock_timeout = '10s'")
    op.add_column("evaluation_cases", sa.Column("slices", JSONB(), nullable=False, server_default="{}"))
    op.add_column("golden_questions", sa.Column("alternatives", JSONB(), nullable=False, server_default="[]"))
