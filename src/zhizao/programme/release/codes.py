"""Code lists of released figures: what a value's status is, and whether it may be shown."""

from __future__ import annotations

__all__ = ["ACTIONS", "CONF_STATUS", "OBS_STATUS"]

OBS_STATUS = {
    "A": ("normal value", "正常值"),
    "B": ("time series break", "时间序列中断"),
    "D": ("definition differs", "定义不同"),
    "E": ("estimated value", "估计值"),
    "F": ("forecast value", "预测值"),
    "I": ("imputed value", "插补值"),
    "K": ("data included in another category", "数据计入其他类别"),
    "L": ("missing value; data exist but were not collected", "缺失值：数据存在但未收集"),
    "M": ("missing value; data cannot exist", "缺失值：数据不可能存在"),
    "N": ("not significant", "不显著"),
    "O": ("missing value", "缺失值"),
    "P": ("provisional value", "初步值"),
    "Q": ("missing value; suppressed", "缺失值：已抑制"),
    "S": ("strike and other special events", "罢工及其他特殊事件"),
    "U": ("low reliability", "可靠性低"),
    "V": ("unvalidated value", "未经核实的值"),
}
"""CL_OBS_STATUS of SDMX: code, (English, Chinese)."""

CONF_STATUS = {
    "F": ("free", "可公开"),
    "N": ("not for publication, restricted for internal use only", "不得发布，仅限内部使用"),
    "C": ("confidential statistical information", "统计保密信息"),
    "D": ("secondary confidentiality set by the sender", "次级保密（由报送方设定）"),
    "S": ("secondary confidentiality set and managed by the receiver", "次级保密（由接收方设定）"),
    "A": ("primary confidentiality due to small counts", "初级保密：单位数过少"),
    "O": ("primary confidentiality due to dominance by one unit", "初级保密：一家单位占主导"),
    "T": ("primary confidentiality due to dominance by two units", "初级保密：两家单位占主导"),
    "G": ("primary confidentiality due to dominance by one or two units", "初级保密：一两家单位占主导"),
    "M": ("primary confidentiality due to data declared confidential", "初级保密：按保密申报"),
    "E": ("embargo: free from the time of release on", "发布前保密，发布后可公开"),
}
"""CL_CONF_STATUS of SDMX, with `E` for what is under embargo until its release: code, (English, Chinese)."""

ACTIONS = {
    "I": "information",
    "A": "append",
    "R": "replace",
    "D": "delete",
    "M": "merge",
}
"""Actions of SDMX-CSV 2.0 (and 2.1: merge)."""
