"""The base of every noun: frozen, whole from birth, extra fields refused, field sentences kept for schema and form."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Noun"]


class Noun(BaseModel):
    """A thing of the plant's world; what exists is valid, a changed one is a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
