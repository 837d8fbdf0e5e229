"""Words of the pages trend and tags, and of what goes outward."""

from __future__ import annotations

__all__ = ["TEXTS"]

TEXTS: dict[str, tuple[str, str]] = {
    "nav.trend": ("Trends", "趋势"),
    "trend.title": ("Trend of {tags}", "{tags} 的趋势"),
    "trend.sub": (
        "Wheel or pinch zooms, dragging moves; the address holds what is shown",
        "滚轮或双指缩放，拖动平移；地址保存当前视图",
    ),
    "trend.choose": ("Which signals?", "选择信号"),
    "trend.add": ("Add a signal", "添加信号"),
    "trend.put": ("Add", "添加"),
    "trend.own": ("as chosen", "自选"),
    "trend.span.10min": ("10 minutes", "10 分钟"),
    "trend.span.1h": ("1 hour", "1 小时"),
    "trend.span.8h": ("8 hours", "8 小时"),
    "trend.span.1d": ("1 day", "1 天"),
    "trend.span.7d": ("7 days", "7 天"),
    "trend.span.30d": ("30 days", "30 天"),
    "trend.span.365d": ("1 year", "1 年"),
    "trend.png": ("PNG", "PNG"),
    "trend.csv": ("CSV", "CSV"),
    "trend.xlsx": ("Excel", "Excel"),
    "trend.back": ("Earlier", "更早"),
    "trend.on": ("Later", "更晚"),
    "trend.closer": ("Closer", "放大"),
    "trend.wider": ("Wider", "缩小"),
    "trend.loading": ("Loading", "加载中"),
    "trend.failed": ("The server does not answer; move the view to try again", "服务器没有应答；移动视图可重试"),
    "trend.none": ("Nothing is known of this time; go earlier or wider", "这段时间没有数据；请向前或放宽"),
    "trend.every": ("Mean of each {n} as a line, least to greatest as a band", "线为每 {n} 的均值，带为最小到最大"),
    "trend.points": ("{n} points of {all} samples; extremes are all shown", "共 {all} 个样本，显示 {n} 点；极值均保留"),
    "trend.bad": ("bad or unknown", "不良或未知"),
    "trend.label": ("Trend", "趋势"),
    "trend.col.tag": ("Tag", "标签"),
    "trend.col.at": ("Time", "时间"),
    "trend.col.value": ("Value", "值"),
    "trend.col.min": ("Least", "最小"),
    "trend.col.max": ("Greatest", "最大"),
    "trend.col.text": ("Text", "文本"),
    "trend.col.unit": ("Unit", "单位"),
}
