"""What the tests of the pilot share: how long their records are, the plant beside them, the account that they carry."""

from __future__ import annotations

from zhizao.model import Plant, Product
from zhizao.pilot import RecordsAccount
from zhizao.testing.sample import truth

WEEKS = 8
ACCOUNT = RecordsAccount(read=120, stored=100, rejected=5, duplicate=15, reasons={"end_before_start": 5})


def plant_of(kind: str) -> Plant:
    known = truth(kind)
    return Plant(
        name=f"sample plant ({kind})",
        zone=known.zone,
        products={one.name: Product(material_cost=one.material) for one in known.products},
    )
