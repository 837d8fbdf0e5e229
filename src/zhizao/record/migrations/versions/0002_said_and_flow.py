"""What people said and what meters read is found without going through the operations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SAID = sa.text("import_id IS NULL")
_FLOW = sa.text("kind IN ('metered', 'accounts.closed')")


def upgrade() -> None:
    op.create_index("event_said", "event", ["subject", "sequence"], sqlite_where=_SAID, postgresql_where=_SAID)
    op.create_index("event_flow", "event", ["kind", "sequence"], sqlite_where=_FLOW, postgresql_where=_FLOW)


def downgrade() -> None:
    op.drop_index("event_flow", "event")
    op.drop_index("event_said", "event")
