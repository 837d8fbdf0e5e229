"""Names of figures, states, components, elements and reasons in Chinese and English: one row each, one glossary."""

from __future__ import annotations

from typing import Literal

__all__ = ["WORDS", "name_of", "reason_of"]

Lang = Literal["en", "zh"]

WORDS: dict[str, tuple[str, str]] = {
    # the three figures and their parts
    "production_cycle": ("production cycle", "生产周期"),
    "cycle_p50": ("median production cycle", "生产周期中位数"),
    "cycle_p90": ("90th percentile of production cycle", "生产周期 90 分位数"),
    "working_cycle": ("production cycle in working time", "工作时间内生产周期"),
    "working_p50": ("median cycle in working time", "工作时间周期中位数"),
    "working_p90": ("90th percentile of cycle in working time", "工作时间周期 90 分位数"),
    "operating_cost": ("operating cost", "运营成本"),
    "defect_rate": ("defect rate", "不良品率"),
    # states of an order and a machine
    "processing": ("processing", "加工"),
    "setup": ("set-up", "换型调整"),
    "breakdown": ("breakdown", "故障停机"),
    "wait_machine": ("waiting for a machine", "等待设备"),
    "wait_people": ("waiting for people", "等待人员"),
    "off_shift": ("off-shift", "班外"),
    "unexplained": ("unexplained", "未解释"),
    "idle": ("idle in shift", "班内空闲"),
    # components of cost
    "labour": ("labour", "人工"),
    "machine": ("machine", "设备"),
    "scrap_material": ("scrapped material", "报废材料"),
    "scrap_work": ("work lost with scrap", "报废已投入加工"),
    "holding": ("holding of work in progress", "在制品占用"),
    "lateness": ("lateness", "拖期"),
    "rework": ("rework", "返工"),
    # factors
    "product": ("product", "产品"),
    "operation": ("operation", "工序"),
    "person": ("person", "人员"),
    "hour": ("hour of day", "小时"),
    "weekday": ("weekday", "星期"),
    "order": ("order", "订单"),
    "plant": ("plant", "工厂"),
    "piece": ("piece", "件"),
    "work_in_progress": ("work in progress", "在制品"),
    # ISO 22400-2
    "worker_efficiency": ("worker efficiency", "人员效率"),
    "allocation_ratio": ("allocation ratio", "分配率"),
    "throughput_rate": ("throughput rate", "产出率"),
    "allocation_efficiency": ("allocation efficiency", "分配效率"),
    "utilisation_efficiency": ("utilisation efficiency", "利用效率"),
    "availability": ("availability", "可用率"),
    "effectiveness": ("effectiveness", "性能率"),
    "quality_ratio": ("quality ratio", "合格率"),
    "oee": ("overall equipment effectiveness (OEE)", "设备综合效率 (OEE)"),
    "nee": ("net equipment effectiveness (NEE)", "设备净效率 (NEE)"),
    "setup_ratio": ("set-up ratio", "换型时间比"),
    "technical_efficiency": ("technical efficiency", "技术效率"),
    "production_process_ratio": ("production process ratio", "加工时间占比"),
    "actual_to_planned_scrap": ("actual to planned scrap", "实际与计划报废比"),
    "first_pass_yield": ("first pass yield", "一次合格率"),
    "scrap_ratio": ("scrap ratio", "报废率"),
    "rework_ratio": ("rework ratio", "返工率"),
    "fall_off_ratio": ("fall-off ratio", "流失率"),
    "mtbf": ("operating time between failures", "平均故障间隔时间"),
    "mttr": ("mean time to restoration", "平均修复时间"),
    "inventory_turns": ("inventory turns", "在制品周转次数"),
    # elements
    "APT": ("actual production time", "实际生产时间"),
    "AUST": ("actual unit set-up time", "实际换型时间"),
    "ADET": ("actual unit delay time", "实际延误时间"),
    "ADOT": ("actual unit down time", "实际空闲时间"),
    "AUPT": ("actual unit processing time", "实际设备加工时间"),
    "AUBT": ("actual unit busy time", "实际设备占用时间"),
    "PBT": ("planned busy time", "计划占用时间"),
    "AOET": ("actual order execution time", "订单实际执行时间"),
    "AQT": ("actual queuing and transport time", "实际排队与搬运时间"),
    "APWT": ("actual personnel work time", "人员实际工作时间"),
    "APAT": ("actual personnel attendance time", "人员实际出勤时间"),
    "PQ": ("produced quantity", "产出数量"),
    "GQ": ("good quantity", "合格数量"),
    "SQ": ("scrap quantity", "报废数量"),
    "RQ": ("rework quantity", "返工数量"),
    "POQ": ("planned order quantity", "订单计划数量"),
    "PSQ": ("planned scrap quantity", "计划报废数量"),
    "GP": ("good at the first pass", "一次合格数量"),
    "IP": ("inspected at the first pass", "一次检验数量"),
    "SQ1": ("scrap over all operations", "全部工序报废数量"),
    "PQ1": ("produced at the first operation", "首工序产出数量"),
    "PRI": ("planned run time per item", "单件计划工时"),
    "PRI_PQ": ("planned run time of the pieces produced", "产出件计划工时"),
    "PRI_GQ": ("planned run time of the good pieces", "合格件计划工时"),
    "FE": ("failures", "故障次数"),
    "TTR": ("time to restoration", "修复时间"),
    "TBF": ("operating time between failures", "故障间隔运行时间"),
    "TH": ("throughput", "产出量"),
    "WIP": ("mean work in progress", "平均在制品"),
}
"""(English, Chinese) by key."""

REASONS: dict[str, tuple[str, str]] = {
    "no_finished_orders": ("no order ended in the period", "该期间没有完工订单"),
    "no_quantities": ("the records tell no quantities", "记录中没有数量"),
    "no_good_reported": ("the records tell bad pieces and no good ones", "记录中只有不合格品数，没有合格品数"),
    "no_durations": (
        "the records tell one time for each step, not how long it took",
        "记录中每道工序只有一个时间，没有时长",
    ),
    "no_scrap_reported": ("the records tell no scrap", "记录中没有报废数量"),
    "no_people": ("the records name no people", "记录中没有人员"),
    "no_machines": ("the records name no machines", "记录中没有设备"),
    "no_due_dates": ("the records have no due dates", "记录中没有交期"),
    "nothing_to_cost": ("the records tell nothing that costs", "记录中没有可计成本的内容"),
    "nothing_to_divide_by": ("the denominator is zero", "分母为零"),
    "cut_by_edges": (
        "the records are short beside the cycle: orders cut by their edges make it look shorter",
        "记录时段相对生产周期较短：被首尾截断的订单使周期偏短",
    ),
    "not_recorded": ("not recorded", "没有记录"),
}
"""(English, Chinese) by code of a reason or note."""


def name_of(key: str, lang: Lang = "en") -> str:
    """Name of a figure, state, component or element.

    Examples
    --------
    >>> name_of("defect_rate", "zh"), name_of("wait_people")
    ('不良品率', 'waiting for people')
    """
    return WORDS[key][lang == "zh"]


def reason_of(code: str, lang: Lang = "en") -> str:
    """Why a figure is missing, in words; a code may name what is missing after a colon.

    Examples
    --------
    >>> reason_of("not_recorded:PSQ")
    'not recorded: planned scrap quantity'
    """
    head, _, rest = code.partition(":")
    words = REASONS[head][lang == "zh"]
    if not rest:
        return words
    things = [name_of(key, lang) if key in WORDS else key for key in rest.split(",")]
    return f"{words}：{'、'.join(things)}" if lang == "zh" else f"{words}: {', '.join(things)}"
