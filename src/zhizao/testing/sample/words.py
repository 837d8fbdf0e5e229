"""What the sample plant's exports say in English and in Chinese: headings, kinds of report, names of operations."""

from __future__ import annotations

__all__ = ["HEADINGS", "OPERATIONS_ZH", "WORDS"]

OPERATIONS_ZH: dict[str, str] = {
    "saw": "下料",
    "turn": "车削",
    "mill": "铣削",
    "drill": "钻孔",
    "harden": "淬火",
    "grind": "磨削",
    "check": "检验",
    "final": "终检",
}
"""Operations as a Chinese export names them."""

HEADINGS: dict[str, dict[str, str]] = {
    "en": {
        "order": "Order No",
        "product": "Part No",
        "operation": "Operation",
        "machine": "Machine",
        "person": "Operator",
        "report": "Report type",
        "start": "Start time",
        "end": "End time",
        "good": "Good qty",
        "scrap": "Scrap qty",
        "rework": "Rework qty",
        "is_rework": "Is rework",
        "order_quantity": "Order qty",
        "released": "Released",
        "due": "Due date",
    },
    "zh": {
        "order": "工单号",
        "product": "产品编号",
        "operation": "工序",
        "machine": "设备",
        "person": "操作工",
        "report": "报工类型",
        "start": "开始时间",
        "end": "结束时间",
        "good": "合格数量",
        "scrap": "报废数量",
        "rework": "返工数量",
        "is_rework": "是否返工",
        "order_quantity": "订单数量",
        "released": "下达时间",
        "due": "交期",
    },
}
"""Heading of each exported column, by language."""

WORDS: dict[str, dict[str, str]] = {
    "en": {"production": "Production", "setup": "Setup", "breakdown": "Breakdown", "maintenance": "Maintenance"}
    | {"yes": "Y", "no": "N", "time": "%Y-%m-%d %H:%M:%S", "day": "%Y-%m-%d"},
    "zh": {"production": "生产", "setup": "换型", "breakdown": "故障", "maintenance": "保养"}
    | OPERATIONS_ZH
    | {"yes": "是", "no": "否", "time": "%Y/%m/%d %H:%M:%S", "day": "%Y/%m/%d"},
}
"""What stands in the cells, by language."""
