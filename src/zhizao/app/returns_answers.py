"""Returns as programs read them: a line of the list, a return with its versions, what a journal fills."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from zhizao.app.returns_desk import ReturnsDesk, Row
from zhizao.programme.items import items
from zhizao.programme.returns import Actor, Filled, Return, Sight, sight

__all__ = ["filled_answer", "return_answer", "row_answer"]


def row_answer(row: Row) -> dict[str, Any]:
    """A line of the list."""
    return asdict(row)


def return_answer(desk: ReturnsDesk, actor: Actor, one: Return, at: datetime) -> dict[str, Any]:
    """A return as somebody sees it, with every version that they see; without any where they see its state alone."""
    whole = sight(actor, desk.tree, one.enterprise) is Sight.ALL
    return {
        **row_answer(desk.row_of(one, actor, at)),
        "path": list(one.path or desk.tree.path(one.enterprise)),
        "approved": one.approved,
        "steps_taken": len(one.history),
        "published_version": one.published,
        "figures": whole,
        "versions": [asdict(version) for version in one.versions] if whole else [],
        "history": [asdict(done) for done in one.history],
    }


def filled_answer(found: Filled, lang: str) -> dict[str, Any]:
    """What a journal fills, line by line."""
    known = items()
    return {
        "period": found.period,
        "start": found.start.isoformat(),
        "end": found.end.isoformat(),
        "filled": found.filled,
        "lines": [
            {
                "key": key,
                "name": known[key].zh if lang == "zh" else known[key].en,
                "value": line.value,
                "unit": line.unit,
                "status": line.status,
                "kinds": list(line.kinds),
                "events": line.count,
                "first": line.first,
                "last": line.last,
                "formula": line.formula(lang),
                "notes": list(line.remarks(lang)),
                "factors": list(line.factors),
            }
            for key, line in found.lines.items()
        ],
        "factors": [one.model_dump() | {"name": one.name} for one in found.factors],
    }
