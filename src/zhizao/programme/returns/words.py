"""What a return says of its lines, in English and Chinese: how a value is made, and why a line is left to a person."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["WORDS", "said"]

WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "made.entered": (
            "pieces that entered the {orders} orders finished in the month",
            "本月完工的 {orders} 个工单投入的件数",
        ),
        "made.bad": (
            "pieces scrapped or sent back in the {orders} orders finished in the month",
            "本月完工的 {orders} 个工单中报废或返工的件数",
        ),
        "made.cycle": (
            "mean hours from release to last end of the {orders} orders finished in the month",
            "本月完工的 {orders} 个工单从下达到最后完工的平均小时数",
        ),
        "made.cost": (
            "labour, machine, scrap, work lost, holding and lateness of the {orders} orders finished in the month",
            "本月完工的 {orders} 个工单的人工、设备、报废材料、损失工时、占用资金与延误成本之和",
        ),
        "made.people": (
            "different people who reported work in the month; add those who report none",
            "本月有报工的人数；请加上不报工的人员",
        ),
        "made.key": (
            "machines of plant.yaml that do a key process",
            "plant.yaml 中承担关键工序的设备台数",
        ),
        "made.nc": (
            "of them under numerical control",
            "其中数控化的台数",
        ),
        "made.meter": (
            "sum of {meters} meters over the month; readings across its ends by time",
            "{meters} 只表计本月读数之和；跨月读数按时间分摊",
        ),
        "made.tce": ("{parts}; kgce to t", "{parts}；千克标准煤折算为吨"),
        "made.co2": ("{parts}; kg to t", "{parts}；千克折算为吨"),
        "made.account": ("account {accounts} of the month", "本月账户 {accounts}"),
        "note.conversion": (
            "without the material in good pieces, which stands under materials used",
            "不含合格品所用材料，该项另列于直接材料",
        ),
        "note.gap": ("meters read only {share} of the month", "表计读数仅覆盖本月的 {share}"),
        "note.unmetered": ("without {carriers}: no meter", "不含 {carriers}：没有表计"),
        "note.assumed": ("rests on assumed rates: {rates}", "使用了假定费率：{rates}"),
        "left.account": ("no account of the month was recorded for it", "台账中没有本月的对应账户"),
        "left.meter": ("no meter of it was read in the month", "本月没有对应表计的读数"),
        "left.orders": ("no order was finished in the month", "本月没有完工工单"),
        "left.pieces": ("the records tell no pieces", "记录中没有件数"),
        "left.people": ("the records name nobody in the month", "本月记录中没有人员"),
        "left.cost": ("the records do not allow a cost", "现有记录无法计算成本"),
        "left.currency": (
            "the plant's rates are in {currency}, the return is in CNY",
            "工厂费率以 {currency} 计，报表以人民币计",
        ),
        "left.equipment": (
            "plant.yaml says of no machine whether it does a key process (key_process)",
            "plant.yaml 没有说明哪些设备承担关键工序（key_process）",
        ),
        "left.control": (
            "plant.yaml says of no machine whether it is under numerical control (numerical_control)",
            "plant.yaml 没有说明哪些设备数控化（numerical_control）",
        ),
        "left.person": ("a statement that no record makes", "须由人填报，记录中没有"),
        "carrier.electricity": ("electricity", "电力"),
        "carrier.gas": ("gas", "天然气"),
        "carrier.coal": ("coal", "煤炭"),
        "carrier.heat": ("heat", "热力"),
    }
)
"""key: (English, Chinese)."""


def said(key: str, lang: str, **values: object) -> str:
    """Words of a key with its values.

    Examples
    --------
    >>> said("left.meter", "zh")
    '本月没有对应表计的读数'
    """
    return WORDS[key][1 if lang == "zh" else 0].format(**values)
