"""What editing found, as rows for JSON and as the corrected table, names and places in the words of the file."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import polars as pl

from zhizao.programme.editing.deductive import METHODS
from zhizao.programme.editing.edit import Edited
from zhizao.programme.editing.impute import WAYS
from zhizao.programme.editing.localise import IMPOSSIBLE
from zhizao.programme.editing.returns import period_name
from zhizao.programme.items import item_keys

__all__ = ["account", "as_json", "callback_rows", "corrected", "located_rows"]


def _place(done: Edited, r: int) -> dict[str, Any]:
    returns = done.returns
    period = int(returns.period[r])
    return {
        "enterprise": str(returns.enterprise[r]),
        "period": period_name(period) if period else None,
        "row": int(returns.row[r]),
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def located_rows(done: Edited) -> list[dict[str, Any]]:
    """One row a return with errors: fields, failed edits, suggested values, and how they were found.

    `method` is that of the correction (`unit`, `sign`, `swap`, ...), `fewest_fields` for localisation, `impossible`
    where no change mends the return; several are joined by `+`.
    """
    keys = item_keys()
    deduced, marked = done.deduced.method > 0, done.localised.mark == 1
    rows = np.flatnonzero(done.hard.any(axis=1) | deduced.any(axis=1) | marked.any(axis=1))
    found = []
    for r in rows.tolist():
        fields = np.flatnonzero(deduced[r] | marked[r])
        methods = [METHODS[m] for m in sorted(set(done.deduced.method[r][deduced[r]].tolist()))]
        if marked[r].any():
            methods.append("fewest_fields")
        if done.localised.state[r] == IMPOSSIBLE:
            methods.append("impossible")
        edits = [done.hard_ids[e] for e in np.flatnonzero(done.hard[r])]
        edits += [done.soft_ids[e] for e in np.flatnonzero(done.soft[r])]
        found.append(
            {
                **_place(done, r),
                "fields": [keys[j] for j in fields],
                "edits": edits,
                "suggest": {keys[j]: _number(done.values[r, j]) for j in fields},
                "method": "+".join(methods) or "fewest_fields",
            }
        )
    return found


def callback_rows(done: Edited) -> list[dict[str, Any]]:
    """Returns worth a call, most influential first."""
    keys, calls = item_keys(), done.callbacks
    found = []
    for rank in range(calls.chosen):
        r, j = int(calls.rows[rank]), int(calls.item[rank])
        found.append(
            {
                "rank": rank + 1,
                **_place(done, r),
                "item": keys[j],
                "score": round(float(calls.score[rank]), 4),
                "effect": _number(float(calls.effect[rank])),
                "reported": _number(float(done.returns.values[r, j])),
                "expected": _number(float(done.expected.values[r, j])),
            }
        )
    return found


def account(done: Edited) -> dict[str, Any]:
    """Every cell accounted for: cells = kept + corrected + imputed + missing; and counts by rule and method."""
    told, values = done.returns.values, done.values
    imputed = done.imputed.way > 0
    corrected_cells = (done.deduced.method > 0) & ~imputed
    missing = np.isnan(values)
    kept = ~imputed & ~corrected_cells & ~missing
    ways = Counter(WAYS[w] for w in done.imputed.way[imputed].tolist())
    methods = Counter(METHODS[m] for m in done.deduced.method[corrected_cells].tolist())
    keys, calls = item_keys(), done.callbacks
    hint = {
        keys[j]: {
            "share": round(float(done.imputed.share[j]), 6),
            "inflation": _number(float(done.imputed.inflation[j])),
        }
        for j in np.flatnonzero(done.imputed.share > 0)
    }
    return {
        "cells": int(told.size),
        "kept": int(kept.sum()),
        "corrected": int(corrected_cells.sum()),
        "imputed": int(imputed.sum()),
        "imputed_where_missing": int((imputed & np.isnan(told)).sum()),
        "missing": int(missing.sum()),
        "corrected_by": dict(methods),
        "imputed_by": dict(ways),
        "hard_failed": {i: int(n) for i, n in zip(done.hard_ids, done.hard.sum(axis=0), strict=True) if n},
        "soft_failed": {i: int(n) for i, n in zip(done.soft_ids, done.soft.sum(axis=0), strict=True) if n},
        "records_soft": int(done.soft.any(axis=1).sum()),
        "impossible": len(done.impossible),
        "exact_path": int((done.localised.state == 2).sum()),
        "callbacks_ranked": len(calls.rows),
        "callbacks_needed": calls.chosen,
        "variance": hint,
    }


def as_json(done: Edited, lang: str = "en") -> dict[str, Any]:
    """Everything, for `--json`.

    Parameters
    ----------
    done : what editing found
    lang : language of evidence
    """
    keys = item_keys()
    outliers = [
        {
            **_place(done, one.row),
            "kind": one.kind,
            "item": one.item,
            **({"to": one.other} if one.other else {}),
            "score": round(one.score, 3),
            "value": _number(float(done.returns.values[one.row, keys.index(one.item)])),
            "expected": _number(float(done.expected.values[one.row, keys.index(one.item)])),
        }
        for one in done.outliers
    ]
    signs = done.suspicion.signs + done.suspicion.filers if done.suspicion else ()
    imputed = [
        {
            **_place(done, r),
            "item": keys[j],
            "value": _number(float(done.values[r, j])),
            "method": WAYS[done.imputed.way[r, j]],
            "adjusted": bool(done.imputed.adjusted[r, j]),
        }
        for r, j in np.argwhere(done.imputed.way > 0).tolist()
    ]
    return {
        "rules": done.rules.version,
        "records": len(done.returns),
        "failed": int(done.hard.any(axis=1).sum()),
        "located": located_rows(done),
        "outliers": outliers,
        "suspicious": [
            {
                "enterprise": one.enterprise,
                "sign": one.sign,
                "strength": round(one.strength, 2),
                "evidence": one.zh if lang == "zh" else one.en,
            }
            for one in signs
        ],
        "callbacks": callback_rows(done),
        "imputed": imputed,
        "account": account(done),
    }


def corrected(done: Edited) -> pl.DataFrame:
    """The returns after editing, and a column `edited` that says of each changed cell how it was made."""
    keys, returns = item_keys(), done.returns
    flags = [""] * len(returns)
    changed = (done.imputed.way > 0) | (done.deduced.method > 0)
    for r in np.flatnonzero(changed.any(axis=1)).tolist():
        said = []
        for j in np.flatnonzero(changed[r]):
            way = WAYS[done.imputed.way[r, j]] or METHODS[done.deduced.method[r, j]]
            said.append(f"{keys[j]}:{way}{'*' if done.imputed.adjusted[r, j] else ''}")
        flags[r] = "; ".join(said)
    return pl.DataFrame(
        {
            "enterprise": returns.enterprise,
            "period": [period_name(int(p)) if p else "" for p in returns.period],
            "industry": returns.industry,
            "region": returns.region,
            "size": returns.size,
            **{key: pl.Series(done.values[:, j]).fill_nan(None) for j, key in enumerate(keys)},
            "edited": flags,
        }
    )
