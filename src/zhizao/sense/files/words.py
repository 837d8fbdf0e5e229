"""The words of production records, English and Chinese: headings per role, report kinds, yes and no, blanks, units.

This is data: a plant whose words are missing here names its columns in a mapping file, or a line is added to a table.
Headings are compared after `plain`: full-width to half-width, accents off, camelCase split, lower case.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["BLANK", "HEADINGS", "NEEDED", "NO", "REPORT_WORDS", "ROLES", "UNITS", "YES", "plain", "unit_of"]

ROLES: dict[str, tuple[str, str]] = {
    "order": ("production order, case", "工单、订单号"),
    "activity": ("what was done, as written", "工序（原文）"),
    "operation": ("what was done, without the machine", "工序（不含设备）"),
    "product": ("part or product", "产品、零件"),
    "machine": ("machine or work place", "设备、工位"),
    "person": ("who did it", "操作人员"),
    "start": ("start of the work", "开始时间"),
    "end": ("end of the work", "结束时间"),
    "start_date": ("day of the start, where start is a time of day", "开始日期"),
    "end_date": ("day of the end, where end is a time of day", "结束日期"),
    "time": ("time of the report, where there is one time only", "报工时间"),
    "duration": ("duration instead of a start or an end", "工时、时长"),
    "report": ("production, setup or breakdown", "报工类型"),
    "good": ("good pieces", "合格数量"),
    "total": ("pieces made, good and bad together", "生产总数"),
    "scrap": ("rejected pieces", "报废数量"),
    "rework": ("pieces to be done again or held for review", "返工数量"),
    "is_rework": ("the work itself is rework", "是否返工"),
    "order_quantity": ("pieces ordered", "订单数量"),
    "released": ("when the order was given to the shop", "下达时间"),
    "due": ("when the order was promised", "交期"),
    "key": ("the source's own number of the record", "记录编号"),
    "lifecycle": ("start or complete, one row each", "事件类型（开始/完成）"),
    "instance": ("pairs start with complete", "事件配对号"),
}
"""Roles that a column can have, with what each means."""

NEEDED = ("order", "activity", "start")

# "~" marks a weak word: it counts 0.6.
HEADINGS: dict[str, tuple[str, ...]] = {
    "order": (
        "case:concept:name", "case id", "case", "order", "order id", "order no", "order number", "work order", "wo", "wo no",
        "work order id", "work order no", "work order number", "production order", "manufacturing order", "mo", "mo no", "job", "job id",
        "job no", "job number", "shop order", "job order", "process order", "trace id", "caseid", "lot~", "lot id~", "lot no~",
        "batch~", "batch id~", "batch no~", "auftrag", "auftragsnummer", "fertigungsauftrag",
        "工单", "工单号", "工单编号", "生产工单", "订单", "订单号", "订单编号", "生产订单", "生产订单号", "任务单", "任务单号", "派工单号", "制令单号", "制令号",
        "制造订单", "生产任务单", "案例", "案例编号", "批次~", "批次号~", "批号~", "流转卡号~", "生产单号", "作业单号", "施工单号",
    ),
    "activity": (
        "concept:name", "activity", "activity name", "activity label", "task", "task name", "step", "process step", "event", "event name",
        "work step", "vorgang", "arbeitsgang", "活动", "活动名称", "作业", "作业名称", "任务名称", "工作内容", "加工内容",
        "operation", "operation name", "operation description", "op", "op name", "op desc", "oper", "process", "process name", "routing step",
        "operation no~", "op no~", "stage~",
        "工序", "工序名称", "工序描述", "工步", "工艺", "工艺名称", "加工工序", "工序号~", "工序编号~", "工序代码~", "作业工序", "制程", "制程名称",
    ),
    "operation": ("operation type", "process type~", "工序类别", "工序类型"),
    "product": (
        "product", "product id", "product name", "product code", "part", "part id", "part no", "part number", "part name", "part desc",
        "part description", "item", "item no", "item code", "item name", "item number", "material", "material no", "material number",
        "material code", "sku", "article", "article no", "product family~", "model~", "teil", "artikel",
        "产品", "产品名称", "产品编号", "产品编码", "产品型号", "物料", "物料号", "物料编码", "物料编号", "物料名称", "零件", "零件号", "零件名称", "品名", "品号", "料号",
        "型号~", "图号", "规格~", "规格型号~", "件号", "存货编码", "存货名称", "产品族~",
    ),
    "machine": (
        "machine", "machine id", "machine no", "machine name", "machine code", "equipment", "equipment id", "equipment no", "equipment name",
        "workstation", "work station", "station", "work center", "work centre", "workcenter", "work unit", "device", "asset~", "line~",
        "production line~", "cell~", "maschine", "anlage", "arbeitsplatz", "org:group~",
        "设备", "设备号", "设备编号", "设备编码", "设备名称", "机台", "机台号", "机台编号", "机床", "机床编号", "机床号", "机器", "机器编号", "机号", "工位", "工位号",
        "工作中心", "工作站", "产线~", "生产线~", "线体~", "工作单元",
    ),
    "person": (
        "worker", "worker id", "worker name", "operator", "operator id", "operator name", "employee", "employee id", "employee no",
        "employee name", "person", "person id", "staff", "staff id", "personnel", "user~", "user id~", "user name~", "badge", "badge no",
        "clock no", "done by", "reported by~", "mitarbeiter", "bediener", "personalnummer",
        "操作工", "操作员", "操作人", "操作人员", "操作者", "员工", "员工号", "员工编号", "员工姓名", "工号", "姓名", "工人", "作业员", "作业人员", "人员", "人员编号",
        "报工人", "报工人员", "加工人", "加工人员", "生产人员", "负责人~",
    ),
    "resource": ("resource", "resource id", "resource name", "org:resource", "resource no", "performer", "资源", "资源名称", "资源编号", "执行者"),
    "start": (
        "start", "start time", "start timestamp", "start date time", "start datetime", "start_time", "begin", "begin time", "started",
        "started at", "start at", "actual start", "actual start time", "time start", "clock in", "clock on", "from", "beginn", "startzeit",
        "time in", "start dt", "start ts", "start date",
        "开始", "开始时间", "起始时间", "开工时间", "开工", "实际开始时间", "实际开工时间", "实际开始", "上机时间", "加工开始时间", "开始日期时间", "作业开始时间",
        "开始日期", "开工日期", "实际开工日期",
    ),
    "end": (
        "end", "end time", "end timestamp", "end date time", "end datetime", "complete timestamp", "complete", "complete time",
        "completion time", "completion timestamp", "completed at", "completed time", "finish", "finish time", "finished", "finished at",
        "ended", "ended at", "end at", "stop", "stop time", "actual end", "actual finish", "actual end time", "time end", "clock out",
        "clock off", "to~", "ende", "endzeit", "time out", "end dt", "end ts", "end date", "finish date", "completion date",
        "结束", "结束时间", "完成时间", "完工时间", "完工", "终止时间", "实际结束时间", "实际完工时间", "实际完成时间", "下机时间", "加工结束时间", "截止时间~", "作业结束时间",
        "结束日期", "完工日期", "实际完工日期", "完成日期",
    ),
    "start_date": ("date~", "work date", "day~", "shift date", "production date", "日期", "生产日期", "作业日期", "报工日期", "工作日期", "班次日期"),
    "end_date": (),
    "time": (
        "time:timestamp", "timestamp", "time", "date time", "datetime", "event time", "report time", "reported at", "posting time",
        "time stamp", "recorded at", "event timestamp", "date~", "时间", "时间戳", "报工时间", "记录时间", "发生时间", "事件时间", "提交时间", "上报时间", "日期时间",
        "报工日期~", "日期~",
    ),
    "duration": (
        "duration", "span", "elapsed", "elapsed time", "time spent", "run time", "runtime", "processing time", "process time", "work time",
        "working time", "labor time", "labour time", "actual time", "actual hours", "hours", "minutes", "man hours~", "machine time",
        "cycle time~", "dauer", "bearbeitungszeit",
        "时长", "持续时间", "用时", "耗时", "工时", "实际工时", "加工时间", "加工时长", "作业时间", "作业时长", "加工工时", "报工工时", "生产工时", "实动工时", "小时数", "分钟数",
    ),
    "report": (
        "report type", "type of report", "record type", "entry type", "booking type", "time type", "activity type~", "event type~",
        "status~", "type~", "报工类型", "报告类型", "记录类型", "报工类别", "类型~", "类别~", "状态~", "作业类型", "时间类型", "作业状态~",
    ),
    "good": (
        "good", "good qty", "good quantity", "qty good", "good pieces", "good parts", "good count", "ok qty", "ok", "qty ok", "accepted",
        "accepted qty", "qty accepted", "yield qty", "yield~", "qty completed", "completed qty", "quantity completed", "pieces completed",
        "completed pieces", "qty finished", "finished qty", "gutmenge", "pass qty", "passed",
        "合格", "合格数", "合格数量", "良品", "良品数", "良品数量", "合格品数", "合格品数量", "完成数量~", "完工数量~", "报工数量~", "完成数~", "完工数~", "合格件数",
    ),
    "total": (
        "total qty", "total quantity", "qty total", "qty produced", "quantity produced", "produced qty", "produced", "output qty", "output~",
        "quantity~", "qty~", "pieces~", "pcs~", "processed qty", "qty processed", "count~", "total count", "menge~",
        "生产数量", "生产数", "产量", "总数", "总数量", "加工数量", "加工数", "产出数量", "产出数", "数量~", "件数~", "投入数~",
    ),
    "scrap": (
        "scrap", "scrap qty", "scrap quantity", "qty scrap", "scrapped", "scrapped qty", "qty scrapped", "rejected", "reject", "rejects",
        "qty rejected", "rejected qty", "reject qty", "rejected quantity", "bad", "bad qty", "ng", "ng qty", "nok", "nok qty", "defects",
        "defect qty", "qty defective", "defective", "defective qty", "waste qty", "ausschuss",
        "报废", "报废数", "报废数量", "废品", "废品数", "废品数量", "不良", "不良数", "不良数量", "不良品数", "不良品数量", "不合格数", "不合格数量", "不合格品数量", "次品数",
        "次品数量", "缺陷数", "料废~", "工废~",
    ),
    "rework": (
        "rework", "rework qty", "rework quantity", "qty rework", "qty for rework", "reworked qty", "rework pieces", "qty to rework",
        "qty for mrb", "mrb", "mrb qty", "qty mrb", "on hold qty~", "nacharbeit",
        "返工", "返工数", "返工数量", "返修", "返修数", "返修数量", "待处理数量~", "待评审数量",
    ),
    "is_rework": (
        "rework", "is rework", "rework flag", "rework indicator", "rework yn", "reworked", "rework y n", "是否返工", "返工", "返工标志", "返工标识",
        "是否返修", "返修", "返修标志",
    ),
    "order_quantity": (
        "order qty", "order quantity", "work order qty", "work order quantity", "ordered qty", "ordered", "quantity ordered", "qty ordered",
        "planned qty", "plan qty", "planned quantity", "lot size", "batch size", "target qty", "job qty", "lot qty", "batch qty",
        "wo qty", "required qty", "auftragsmenge",
        "订单数量", "工单数量", "计划数量", "计划数", "订单数", "工单数", "批量", "下达数量", "派工数量", "任务数量", "计划产量", "需求数量", "投产数量", "批次数量",
    ),
    "released": (
        "released", "release", "release date", "release time", "released at", "order release", "order released", "order date",
        "release timestamp", "created~", "created at~", "creation date~", "launch date",
        "下达时间", "下达日期", "下发时间", "下发日期", "投产时间", "投产日期", "派工时间", "派工日期", "投料时间", "投料日期", "下单时间", "下单日期", "订单日期", "创建时间~",
    ),
    "due": (
        "due", "due date", "due time", "due at", "deadline", "promised", "promise date", "promised date", "delivery date", "required date",
        "need date", "need by", "planned end~", "planned finish~", "liefertermin",
        "交期", "交货期", "交货日期", "交付日期", "交货时间", "要求交期", "要求完成日期", "要求完工日期", "截止日期", "计划完工时间~", "计划完工日期~", "承诺交期", "需求日期",
    ),
    "key": (
        "key", "record id", "record no", "record number", "record", "id", "event id", "row id", "entry id", "entry no", "uuid", "guid",
        "report no", "report id", "report number", "transaction id", "transaction no", "booking id", "confirmation no", "serial~", "no~",
        "记录号", "记录编号", "报工单号", "报工编号", "报工号", "流水号", "单据号", "单据编号", "唯一标识", "主键", "确认号", "序号~", "行号~", "编号~",
    ),
    "lifecycle": ("lifecycle:transition", "lifecycle transition", "lifecycle", "transition", "life cycle", "event status~", "event type", "事件类型", "生命周期"),
    "instance": ("concept:instance", "activity instance", "activity instance id", "instance", "instance id", "event instance"),
}  # fmt: skip
"""Heading words by role; `resource` is resolved to machine or person afterwards."""

REPORT_WORDS: dict[str, tuple[str, ...]] = {
    "production": (
        "d", "p", "prod", "production", "produce", "run", "running", "done", "work", "working", "process", "processing", "machining",
        "operation", "normal", "生产", "加工", "报工", "正常", "运行", "作业", "完工", "加工报工", "生产报工", "正常生产",
    ),
    "setup": (
        "s", "setup", "set up", "set-up", "setting", "changeover", "change over", "change-over", "c/o", "prep", "preparation", "ruesten",
        "rüsten", "调机", "换型", "换模", "准备", "调试", "装夹", "换线", "调整", "换刀", "生产准备", "设置", "调机报工",
    ),
    "breakdown": (
        "b", "breakdown", "break down", "break-down", "down", "downtime", "down time", "failure", "fault", "repair", "stoppage", "outage",
        "故障", "停机", "维修", "故障停机", "设备故障", "异常停机", "检修", "修理", "设备维修", "停机报工",
    ),
}  # fmt: skip
"""What a report type is called or coded (lower case)."""

YES = frozenset({"y", "yes", "true", "t", "1", "x", "j", "ja", "是", "有", "返工", "返修", "√", "✓", "rework"})
NO = frozenset({"n", "no", "false", "f", "0", "nein", "否", "无", "不是", "正常", "×"})
BLANK = frozenset(
    {"", "-", "--", "—", "/", "na", "n/a", "#n/a", "null", "none", "nan", "nat", "nil", "无", "空", "未知", "?"}
)
"""What stands for an empty cell (lower case, trimmed)."""

UNITS: dict[str, float] = {
    "ms": 0.001,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "day": 86400.0,
}
"""Seconds in each unit of duration."""

_UNIT_WORDS = {
    "ms": ("ms", "msec", "milliseconds", "毫秒"),
    "s": ("s", "sec", "secs", "second", "seconds", "sek", "秒"),
    "min": ("m", "min", "mins", "minute", "minutes", "minuten", "分", "分钟"),
    "h": ("h", "hr", "hrs", "hour", "hours", "std", "stunden", "时", "小时"),
    "day": ("d", "day", "days", "tage", "天", "日"),
}
UNIT_OF_WORD = {word: unit for unit, words in _UNIT_WORDS.items() for word in words}

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BRACKET = re.compile(r"[(\[{（【]\s*([^)\]}）】]*?)\s*[)\]}）】]")
_OTHER = re.compile(r"[^0-9a-z:\u3400-\u9fff]+")


def plain(heading: str) -> str:
    """Heading as it is compared: lower case words with single blanks, units in brackets taken off.

    Examples
    --------
    >>> plain("Work Order  Qty"), plain("startTime"), plain("工时（分钟）"), plain("Run_Time [min]")
    ('work order qty', 'start time', '工时', 'run time')
    """
    text = unicodedata.normalize("NFKC", heading)
    text = _BRACKET.sub(
        lambda found: " " if found[1].lower() in UNIT_OF_WORD or _is_note(found[1]) else f" {found[1]} ", text
    )
    text = _CAMEL.sub(" ", text)
    text = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return " ".join(_OTHER.sub(" ", text).split())


def _is_note(text: str) -> bool:
    return text.lower() in {
        "pcs",
        "pieces",
        "件",
        "个",
        "ea",
        "只",
        "local",
        "utc",
        "h:mm",
        "hh:mm",
        "hhh:mm",
        "hh:mm:ss",
        "必填",
        "required",
    }


def unit_of(heading: str) -> str | None:
    """Unit of duration that a heading names: in brackets, or as its last word.

    Examples
    --------
    >>> unit_of("Duration (min)"), unit_of("工时[h]"), unit_of("run_time_s"), unit_of("用时分钟"), unit_of("Hours"), unit_of("Span")
    ('min', 'h', 's', 'min', 'h', None)
    """
    text = unicodedata.normalize("NFKC", heading)
    for inside in _BRACKET.findall(text):
        unit = UNIT_OF_WORD.get(inside.lower().strip(" ."))
        if unit is not None:
            return unit
    words = _OTHER.sub(" ", _CAMEL.sub(" ", text).lower()).split()
    if words:
        unit = UNIT_OF_WORD.get(words[-1])
        if unit is not None and (len(words) > 1 or len(words[0]) > 2):
            return unit
        for word in ("毫秒", "分钟", "小时", "秒", "天"):
            if words[-1].endswith(word) or words[-1].endswith(word + "数"):
                return UNIT_OF_WORD[word]
    return None
