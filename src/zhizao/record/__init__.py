"""What happened: the journal of facts and the views folded from it."""

from zhizao.record.importing import REJECTION_SCHEMA, Receipt
from zhizao.record.journal import Journal
from zhizao.record.operations import RECORD_SCHEMA
from zhizao.record.plantfile import read_declared, read_plant
from zhizao.record.verification import Verification
from zhizao.record.views import ACCOUNT_SCHEMA, Recorded
from zhizao.record.whole import write_whole
from zhizao.record.workspace import Workspace, open_workspace, recording

__all__ = [
    "ACCOUNT_SCHEMA",
    "RECORD_SCHEMA",
    "REJECTION_SCHEMA",
    "Journal",
    "Receipt",
    "Recorded",
    "Verification",
    "Workspace",
    "open_workspace",
    "read_declared",
    "read_plant",
    "recording",
    "write_whole",
]
