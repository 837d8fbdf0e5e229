"""The words of the report in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["WORDS", "listed", "observation", "trust_reason", "word"]

WORDS: dict[str, tuple[str, str]] = {
    "title_promise": (
        "{figure} can fall by {change} % with the same people and machines",
        "人员和设备不变，{figure}可下降 {change} %",
    ),
    "title_none": ("No lever tried here helps beyond doubt", "所试各项措施均未见确定的改善"),
    "title_not_trusted": ("The twin failed its test: no promise is made", "孪生模型未通过检验：不作任何承诺"),
    "sub": (
        "{plant} · {orders} finished orders, {operations} reported operations · {start} to {end}",
        "{plant} · 已完工订单 {orders} 个，报工 {operations} 条 · {start} 至 {end}",
    ),
    "production_cycle": ("Production cycle", "生产周期"),
    "operating_cost": ("Operating cost", "运营成本"),
    "defect_rate": ("Defect rate", "不良品率"),
    "unit.h": ("hours per order", "小时/单"),
    "unit.piece": ("per good piece", "每件良品"),
    "unit.order": ("per order", "每单"),
    "unit.1": ("of pieces", "占投入件数"),
    "before": ("as recorded", "现状"),
    "after": ("promised", "承诺"),
    "interval": ("95 % interval of the change: {low} to {high}\u00a0%", "变化的 95 % 区间：{low} 至 {high}\u00a0%"),
    "target.reached": ("−{target} % reached with the whole interval", "整个区间都达到 −{target} %"),
    "target.within": ("−{target} % lies inside the interval", "−{target} % 落在区间之内"),
    "target.missed": ("−{target} % not reached with these levers", "这些措施达不到 −{target} %"),
    "no_figure": ("no figure: {reason}", "没有这一指标：{reason}"),
    "no_promise": ("no promise: {reason}", "不作承诺：{reason}"),
    "reason.not_trusted": ("the twin failed its test on held-out records", "孪生模型未通过留出记录的检验"),
    "reason.no_lever_helps": ("no lever helps beyond doubt", "没有一项措施确有改善"),
    "reason.within_luck": ("the change is within the luck of a period", "变化在一个周期的偶然波动之内"),
    "believe": ("Why to believe it", "凭什么相信"),
    "believe.text": (
        "The twin was fitted to the records before {cut}. Of what came after it was told only which orders came and when;"
        " routes, times, queues and bad pieces it had to foresee. Distances to what really happened, smaller is better:"
        " beside the noise floor (one half of reality against the other) and a naive forecast (past orders moved by"
        " whole weeks).",
        "用 {cut} 之前的记录拟合孪生模型；其后的时段只告诉它来了哪些订单、何时到来，路线、工时、排队和不良品都由它推演。下表是与真实"
        "记录的距离，越小越好；并列的是噪声下限（真实记录的一半对另一半）和朴素预测（把过去的订单整周平移）。",
    ),
    "trusted": ("The twin passed", "孪生模型通过检验"),
    "not_trusted": ("The twin failed", "孪生模型未通过检验"),
    "measure": ("measure", "度量"),
    "twin": ("twin", "孪生"),
    "noise_floor": ("noise floor", "噪声下限"),
    "naive": ("naive", "朴素预测"),
    "m.ngram3": ("order of operations (3-grams)", "工序次序（3-gram）"),
    "m.ngram2": ("order of operations (2-grams)", "工序次序（2-gram）"),
    "m.absolute_h": ("when things happen, h", "事件的绝对时间，小时"),
    "m.circadian_h": ("hour of the day, h", "一天中的时刻，小时"),
    "m.relative_h": ("time since the order began, h", "距订单开始的时间，小时"),
    "m.cycle_h": ("cycle time, h", "周期时间，小时"),
    "m.arrival_h": ("arrival of orders, h", "订单到达，小时"),
    "m.wip": ("orders on the floor", "在制订单数"),
    "account": ("Account of records", "记录收支"),
    "account.text": (
        "read {read} = stored {stored} + rejected {rejected} + duplicate {duplicate}",
        "读入 {read} = 存入 {stored} + 拒收 {rejected} + 重复 {duplicate}",
    ),
    "cause.no_order": ("no order", "没有工单号"),
    "cause.no_activity": ("no activity", "没有工序"),
    "cause.no_start": ("no start", "没有开始时间"),
    "cause.bad_time": ("not a date and time", "不是可识别的日期时间"),
    "cause.bad_duration": ("not a duration", "不是可识别的时长"),
    "cause.negative_duration": ("negative duration", "时长为负"),
    "cause.end_before_start": ("ends before it starts", "结束早于开始"),
    "cause.in_future": ("lies in the future", "时间在将来"),
    "cause.too_long": ("takes more than 60 days", "历时超过 60 天"),
    "cause.bad_number": ("not a number", "不是数字"),
    "cause.negative": ("negative quantity", "数量为负"),
    "cause.bad_flag": ("neither yes nor no", "既不是“是”也不是“否”"),
    "cause.unknown_report": ("unknown kind of report", "未知的报工类型"),
    "cause.too_few_cells": ("fewer cells than headings", "单元格少于表头"),
    "cause.too_many_cells": ("more cells than headings", "单元格多于表头"),
    "assumptions": ("Assumed, since nobody said otherwise", "未给定而采用的假设"),
    "assume.zone": ("time zone", "时区"),
    "assume.rates.currency": ("currency", "货币"),
    "assume.rates.labour_per_h": ("labour per hour", "人工/小时"),
    "assume.rates.machine_per_h": ("machine per hour", "设备/小时"),
    "assume.rates.material_per_piece": ("material per piece", "材料/件"),
    "assume.rates.holding_per_year": ("holding per year", "占用资金年费率"),
    "assume.rates.lateness_per_order_day": ("lateness per order and day", "延误/单/天"),
    "assumptions.text": (
        "Put the right values into plant.yaml and run again; every figure in money depends on them.",
        "请在 plant.yaml 中填入实际数值后重算；凡涉及金额的指标都取决于它们。",
    ),
    "do": ("What to do on Monday", "周一要做的事"),
    "do.none": ("Nothing: see what data would help, below.", "暂无：见下文所需数据。"),
    "do.files": (
        "The files beside this report say it order by order: dispatch list, schedule, hours, allocation (CSV and Excel).",
        "报告旁的文件逐单列明：派工单、排程、工时、分配（CSV 和 Excel）。",
    ),
    "where": ("Where the time and the money go today", "时间和成本现在花在哪里"),
    "where.cycle": ("Hours of an average order", "平均每单的小时数"),
    "where.cost": ("Cost of a good piece", "每件良品的成本"),
    "where.machines": (
        "Hours that orders wait for each machine, as the twin replays them",
        "订单等待各设备的小时数（孪生重演）",
    ),
    "where.load": (
        "Share of its learned working hours that each machine is busy, as the twin replays them",
        "各设备习得工作时间内的忙碌比例（孪生重演）",
    ),
    "where.defects": ("Pieces that go bad, by operation and machine", "不良品：按工序与设备"),
    "where.trend": ("Week by week", "逐周变化"),
    "s.processing": ("processing", "加工"),
    "s.setup": ("set-up", "换型"),
    "s.breakdown": ("breakdown", "故障"),
    "s.wait_machine": ("waiting for a machine", "等设备"),
    "s.off_shift": ("off shift", "非班次时间"),
    "s.wait_people": ("waiting for people", "等人"),
    "s.unexplained": ("unexplained (transport, paper, cooling)", "未解释（转运、单据、冷却等）"),
    "c.labour": ("labour", "人工"),
    "c.machine": ("machine", "设备"),
    "c.scrap_material": ("scrapped material", "报废材料"),
    "c.scrap_work": ("work lost in scrap", "报废品上已投入的工作"),
    "c.holding": ("holding of work in progress", "在制品资金占用"),
    "c.lateness": ("lateness", "拖期"),
    "levers": ("Levers tried", "试过的措施"),
    "levers.text": (
        "Each alone, on the same simulated work; dots with 95 % intervals. Filled: in the recommended set.",
        "逐项单独试验，所用仿真工作完全相同；点为估计值，线为 95 % 区间。实心为推荐方案所含。",
    ),
    "levers.none": ("The records show nothing that a lever could act on.", "记录中没有措施可以作用之处。"),
    "front": ("What can be had together", "可以同时得到什么"),
    "front.text": (
        "Sets of levers that no other set beats on cycle, cost and defects at once.",
        "在周期、成本、不良三方面都不被其他组合超过的措施组合。",
    ),
    "k.dispatch": ("{scope}: next order by the rule “{rule}”", "{scope}：按“{rule}”取下一单"),
    "k.release": ("at most {wip_cap} orders on the floor at once", "在制订单不超过 {wip_cap} 个"),
    "k.transfer_batch": ("move lots on in parts of {quantity} pieces", "每 {quantity} 件转移一次"),
    "k.setup_family": ("{scope}: finish a family before changing over", "{scope}：同族做完再换型"),
    "k.hours": ("{scope}: new hours for {names}", "{scope}：调整 {names} 的工时"),
    "k.assignment": ("{scope}: only {names}", "{scope}：只由 {names} 承担"),
    "k.inspection": ("{operation}: directly after {after}", "{operation}：提前到 {after} 之后"),
    "k.maintenance": (
        "{machine}: a planned stop of {takes_h} h every {every_h} busy hours",
        "{machine}：每运行 {every_h} 小时计划停机 {takes_h} 小时",
    ),
    "k.schedule": (
        "follow the schedule in {file}, renewed every {every_h} h",
        "执行 {file} 中的排程，每 {every_h} 小时重排",
    ),
    "k.people": ("{scope}: asked in this order: {names}", "{scope}：依次安排 {names}"),
    "plant": ("whole plant", "全厂"),
    "rule.fifo": ("first come, first served", "先到先做"),
    "rule.lifo": ("last come, first served", "后到先做"),
    "rule.spt": ("shortest work first", "工时短者优先"),
    "rule.edd": ("earliest due date first", "交期早者优先"),
    "rule.slack": ("least time to spare first", "余量小者优先"),
    "rule.atc": (
        "apparent tardiness cost (short work that is about to be late first)",
        "表观拖期成本（将拖期的短工序优先）",
    ),
    "rule.cr": (
        "critical ratio (time left over work left, smallest first)",
        "临界比（剩余时间与剩余工作之比小者优先）",
    ),
    "rule.mwkr": ("most work remaining first", "剩余工作多者优先"),
    "rule.family": ("same set-up family first, then earliest due date", "同族优先，其次交期早者"),
    "chosen": ("recommended", "推荐"),
    "why": ("why", "依据"),
    "cost": ("cost", "费用"),
    "effect": ("effect alone", "单独效果"),
    "people": ("people", "人员"),
    "where.people": (
        "Hours that orders wait for each person, as the twin replays them",
        "订单等待各人员的小时数（孪生重演）",
    ),
    "where.people_load": (
        "Share of the learned working hours that each person is busy, as the twin replays them",
        "各人员习得工作时间内的忙碌比例（孪生重演）",
    ),
    "where.resources": (
        "Hours that orders wait for each person or machine, as the twin replays them",
        "订单等待各人员或设备的小时数（孪生重演）",
    ),
    "where.resources_load": (
        "Share of the learned working hours that each person or machine is busy, as the twin replays them",
        "各人员或设备习得工作时间内的忙碌比例（孪生重演）",
    ),
    "where.defects.people": (
        "The same by who did the work, over all operations of that person",
        "同样的件按人员（各人所做工序合计）",
    ),
    "lever.dispatch": ("rule: {rule}", "规则：{rule}"),
    "lever.setup_family": ("finish a family first", "同族做完再换型"),
    "lever.release": ("at most {wip_cap} orders on the floor", "在制不超过 {wip_cap} 单"),
    "lever.transfer_batch": ("parts of {quantity} pieces", "每 {quantity} 件转移"),
    "lever.hours": ("hours moved, {way}", "工时调整 {way}"),
    "lever.assignment": ("{operation}: only {names}", "{operation}：只用 {names}"),
    "lever.people": ("{operation}: {n} people, {first} first", "{operation}：{n} 人，{first} 优先"),
    "lever.inspection": ("{operation} after {after}", "{operation}移到 {after} 后"),
    "lever.maintenance": ("{machine}: stop every {every_h} h", "{machine}：每 {every_h} 小时停机"),
    "lever.schedule": ("schedule, every {every_h} h", "排程，每 {every_h} 小时"),
    "missing": ("What is not promised, and what it would take", "未作承诺之处及所需数据"),
    "records": ("Records behind the figures", "指标背后的记录"),
    "records.text": (
        "Open an order to see its reported work; the number is the event in the journal.",
        "点开订单可见其报工记录；编号即台账中的事件号。",
    ),
    "records.part": (
        "The {n} orders with the longest cycle; all of them are in the journal.",
        "列出周期最长的 {n} 个订单；全部订单在台账中。",
    ),
    "order": ("order", "订单"),
    "cycle": ("cycle, h", "周期，小时"),
    "bad": ("bad pieces", "不良件"),
    "event": ("event", "事件"),
    "operation": ("operation", "工序"),
    "machine": ("machine", "设备"),
    "person": ("person", "人员"),
    "start": ("start", "开始"),
    "end": ("end", "结束"),
    "good": ("good", "良品"),
    "scrap": ("scrap", "报废"),
    "product": ("product", "产品"),
    "from_to": ("{before} → {after}", "{before} → {after}"),
    "made_by": ("zhizao {version} · seed {seed} · times in {zone}", "zhizao {version} · 种子 {seed} · 时间为 {zone}"),
    "week": ("week", "周"),
    "note.quantities": (
        "The records hold no good and bad quantities: the defect rate needs them per operation.",
        "记录中没有良品与不良品数量：计算不良品率需要各工序的数量。",
    ),
    "note.people": (
        "The records name no people: waiting for people and labour cost cannot be told.",
        "记录未写人员：无法区分等人时间，也无法计算人工成本。",
    ),
    "note.machines": (
        "The records name no machines: queues, hours and allocation cannot be tried.",
        "记录未写设备：无法试验排队、工时与分配。",
    ),
    "note.due": (
        "The records hold no due dates: lateness and due-date rules cannot be tried.",
        "记录没有交期：无法计算拖期，也无法试验按交期的规则。",
    ),
    "note.breakdown": (
        "The records hold no breakdown reports: planned maintenance cannot be tried.",
        "记录没有故障报告：无法试验计划维护。",
    ),
    "note.release": (
        "The records do not say when orders were given to the shop: the cycle counts from the first reported work.",
        "记录没有下达时间：周期从首次报工算起。",
    ),
    "note.target": (
        "{figure}: −{target} % is not promised. With the levers that the records allow, {best} is the most that was seen.",
        "{figure}：不承诺 −{target} %。在记录所允许的措施下，所见最大为 {best}。",
    ),
}


def word(key: str, lang: str, **values: object) -> str:
    """The text of a key; a key without text is shown as it is.

    Examples
    --------
    >>> word("trusted", "en"), word("before", "zh")
    ('The twin passed', '现状')
    """
    pair = WORDS.get(key)
    if pair is None:
        return key
    text = pair[1 if lang == "zh" else 0]
    return text.format(**values) if values else text


def listed(names: Iterable[object], lang: str) -> str:
    """Names one after the other, with the comma of the language.

    Examples
    --------
    >>> listed(["M1", "M2"], "en"), listed(["M1", "M2"], "zh")
    ('M1, M2', 'M1、M2')
    """
    return ("、" if lang == "zh" else ", ").join(map(str, names))


_OBSERVED: tuple[tuple[str, str], ...] = (
    (r"orders wait ([\d.]+) h in queues; next comes by (\w+)", r"订单排队共等待 \1 小时；改按“rule:\2”取下一单"),
    (r"a change of family costs a set-up", r"换族就要换型"),
    (r"(\d+) orders are on the floor on average", r"平均在制 \1 单"),
    (r"a lot of (\d+) pieces moves on only when its last piece is done", r"每批 \1 件，全部做完才转到下一道"),
    (r"(\S+) is busy ([\d.]+) % of its ([\d.]+) h a week", r"\1 每周 \3 小时中有 \2 % 在忙"),
    (r"factor on the rate of bad pieces: ", "不良率系数："),
    (r" asked first", " 优先安排"),
    (r" not asked", " 不再安排"),
    (
        r"([\d.]+) % of the pieces are found bad at (.+), after later work was put into them",
        r"\1 % 的件在 \2 才发现不良，其间又投入了工作",
    ),
    (
        r"(\d+) breakdowns in (\d+) h that come with wear \(Weibull shape ([\d.]+)\); a stop of ([\d.]+) h every (\d+) busy"
        r" hours loses ([\d.]+) %, now ([\d.]+) %",
        r"\2 小时内故障 \1 次，随磨损而来（威布尔形状 \3）；每运行 \5 小时停 \4 小时，损失 \6 %，现为 \7 %",
    ),
    (
        r"a plan over all machines sees conflicts that a rule at one machine cannot",
        "统观全部设备的计划能看到单台设备的规则看不到的冲突",
    ),
)
_ENGLISH = (
    (r"orders wait ([\d.]+) h in queues; next comes by (\w+)", r"orders wait \1 h in queues; next comes rule:\2"),
)


def observation(text: str, lang: str) -> str:
    """The observation behind a lever, in the reader's language.

    Examples
    --------
    >>> observation("31 orders are on the floor on average", "zh")
    '平均在制 31 单'
    >>> observation("orders wait 12345 h in queues; next comes by spt", "en")
    'orders wait 12,345 h in queues; next comes shortest work first'
    """
    for pattern, said in _OBSERVED if lang == "zh" else _ENGLISH:
        text = re.sub(pattern, said, text)
    text = re.sub(r"rule:(\w+)", lambda found: word(f"rule.{found[1]}", lang), text)
    text = re.sub(r"(?<![\d.,])\d{5,}(?![\d.,])", lambda found: f"{int(found[0]):,}", text)
    return text.replace("; ", "；").replace(", ", "、") if lang == "zh" else text


_TRUST: tuple[tuple[str, str, str], ...] = (
    (
        r"(\w+): twin ([\d.e+-]+)( h)?, noise floor ([\d.e+-]+)(?: h)?, naive ([\d.e+-]+)(?: h)?",
        "{1}: twin {2}, noise floor {4}, naive {5}",
        "{1}：孪生 {2}，噪声下限 {4}，朴素预测 {5}",
    ),
    (
        r"run again in the twin, the recorded orders take cycles that are (\d+) % off those recorded",
        "run again in the twin, the recorded orders take cycles that are {1} % off those recorded",
        "把已记录的订单在孪生中重演，其周期与记录相差 {1} %",
    ),
    (
        r"the records hold (\d+) orders; a test of the twin needs at least (\d+); export a longer period",
        "the records hold {1} orders; a test of the twin needs at least {2}; export a longer period",
        "记录中有 {1} 个订单，检验孪生至少需要 {2} 个；请导出更长的时段",
    ),
    (
        r"(\d+) orders ended before (.+) and (\d+) began after it",
        "{1} orders ended before {2} and {3} began after it",
        "{2} 之前完工的订单有 {1} 个，其后开始的有 {3} 个，不足以检验",
    ),
)


def trust_reason(text: str, lang: str) -> str:
    """Why the twin is (not) trusted, in the reader's language; measures by their names.

    Examples
    --------
    >>> trust_reason("cycle_h: twin 9.1 h, noise floor 2 h, naive 3 h", "zh")
    '周期时间，小时：孪生 9.1，噪声下限 2，朴素预测 3'
    """
    for pattern, english, chinese in _TRUST:
        found = re.fullmatch(pattern, text)
        if found is not None:
            values = [text, *(one or "" for one in found.groups())]
            values[1] = word(f"m.{values[1]}", lang) if f"m.{values[1]}" in WORDS else values[1]
            return (chinese if lang == "zh" else english).format(*values)
    return text
