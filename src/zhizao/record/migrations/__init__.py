"""Alembic migrations of the journal's tables; run by `zhizao.record.store` when a journal is opened."""
