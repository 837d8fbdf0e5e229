"""Words of the operator's tablet."""

from __future__ import annotations

__all__ = ["TEXTS"]

TEXTS: dict[str, tuple[str, str]] = {
    "tablet.title": ("Tablet", "操作终端"),
    "tablet.choose": ("Choose a machine", "选择设备"),
    "tablet.scan": ("Scan its code", "扫描二维码"),
    "tablet.type": ("or type its name", "或输入设备名"),
    "tablet.open": ("Open", "打开"),
    "tablet.noscan": (
        "This browser cannot scan. Open the tablet's camera app and point it at the code.",
        "此浏览器不能扫码。请用平板的相机应用扫描二维码。",
    ),
    "tablet.stopscan": ("Stop scanning", "停止扫描"),
    "tablet.machines": ("Machines", "设备"),
    "tablet.order": ("Order", "订单"),
    "tablet.noorder": ("no order", "无订单"),
    "tablet.of": ("{good} of {wanted} good, {scrap} scrap", "合格 {good}／{wanted}，报废 {scrap}"),
    "tablet.made": ("{good} good, {scrap} scrap", "合格 {good}，报废 {scrap}"),
    "tablet.reported": (
        "Reported by people in this shift: {good} good, {scrap} scrap",
        "本班次人工报工：合格 {good}，报废 {scrap}",
    ),
    "tablet.pieces": ("Report pieces", "报工"),
    "tablet.good": ("Good", "合格"),
    "tablet.scrap": ("Scrap", "报废"),
    "tablet.send": ("Report", "提交"),
    "tablet.stops": ("Stops without a reason", "待说明的停机"),
    "tablet.said": ("Stops with a reason", "已说明的停机"),
    "tablet.nostops": ("No stop waits for a reason", "没有待说明的停机"),
    "tablet.why": ("Why?", "原因？"),
    "tablet.running": ("still standing", "仍在停机"),
    "tablet.note": ("Write a note", "写记录"),
    "tablet.note.text": ("What happened?", "发生了什么？"),
    "tablet.write": ("Write", "写入"),
    "tablet.waiting": ("{n} waiting to be sent", "{n} 项待发送"),
    "tablet.sent": ("Everything is sent", "已全部发送"),
    "tablet.off": ("Off line: acts are kept and sent later", "离线：操作已保存，稍后发送"),
    "tablet.as_of": ("As of {time}", "截至 {time}"),
    "tablet.never": (
        "No connection, and nothing is kept of this machine yet",
        "没有连接，且尚无此设备的保存数据",
    ),
    "tablet.signin": ("Sign in again so that acts are sent", "请重新登录以发送操作"),
    "tablet.wrong": ("Could not be recorded", "未能记录"),
    "tablet.anyway": ("Say mine all the same", "仍按我的记录"),
    "tablet.drop": ("Let it go", "放弃"),
    "tablet.kind.pieces": ("{good} good, {scrap} scrap", "合格 {good}，报废 {scrap}"),
    "tablet.kind.stop": ("Stop {begin}: {reason}", "停机 {begin}：{reason}"),
    "tablet.kind.note": ("Note: {text}", "记录：{text}"),
    "tablet.other": ("Other machine", "其他设备"),
    "tablet.live": ("Live page", "实时页面"),
    "tablet.viewer": ("You may look; reporting needs the role operator", "您可以查看；报工需要操作员角色"),
    "tablet.code": ("Code for the tablet", "终端二维码"),
    "tablet.code.note": (
        "Print it and hang it at the machine: a tablet or phone that scans it opens this machine.",
        "打印并贴在设备上：平板或手机扫码即可打开此设备。",
    ),
    "tablet.min": ("min", "分钟"),
    "nav.tablet": ("Tablet", "操作终端"),
}
