"""Cures of the errors that sign-in, uploads and jobs raise, by their code; the rooms below bring their own words."""

from __future__ import annotations

__all__ = ["TEXTS"]

TEXTS: dict[str, tuple[str, str]] = {
    "fault.role.fix": ("ask an admin for the role", "请向管理员申请相应角色"),
    "fault.sign_in.fix": ("sign in again", "请重新登录"),
    "fault.locked.fix": ("wait, then try again", "请稍候再试"),
    "fault.csrf.fix": ("reload the page, then try again", "请刷新页面后重试"),
    "fault.busy.fix": ("wait for the running work, or cancel it", "请等待正在进行的任务，或将其取消"),
    "fault.no_upload.fix": ("upload the file again; files are kept for 3 days", "请重新上传文件；文件只保留 3 天"),
    "fault.empty_file.fix": ("export it again", "请重新导出"),
    "fault.bad_kind_of_file.fix": ("upload CSV, Excel, Parquet or XES", "请上传 CSV、Excel、Parquet 或 XES"),
    "fault.role_twice.fix": ("choose something else for one of them", "请为其中一列另选含义"),
    "fault.weak_password.fix": (
        "use at least 10 characters; three or four words are good",
        "请至少使用 10 个字符；三四个词连在一起即可",
    ),
    "fault.taken.fix": ("choose another name", "请换一个用户名"),
    "fault.last_admin.fix": ("make somebody else admin first", "请先指定另一位管理员"),
    "fault.no_twin.fix": ("fit the twin first", "请先拟合孪生模型"),
    "fault.no_lever.fix": ("change one of the levers", "请先改动一项措施"),
    "fault.no_lever.what": ("no lever is pulled", "还没有选择任何措施"),
    "fault.half_hours.what": ("the lever hours is chosen by half", "工时安排只选了一半"),
    "fault.half_assignment.what": ("the lever assignment is chosen by half", "设备与人员分工只选了一半"),
    "fault.half_inspection.what": ("the lever inspection is chosen by half", "检验前移只选了一半"),
    "fault.half_maintenance.what": ("the lever maintenance is chosen by half", "预防性维护只选了一半"),
    "fault.half_hours.fix": ("choose from when to when", "请选择起止时间"),
    "fault.half_assignment.fix": (
        "tick at least one machine or person who may do it",
        "请至少勾选一台设备或一名人员",
    ),
    "fault.half_inspection.fix": ("choose after which operation it is done", "请选择检验提前到哪道工序之后"),
    "fault.half_maintenance.fix": ("choose how often and for how long", "请选择多久停一次、停多久"),
    "fault.not_empty.fix": ("serve another folder", "请另开一个工作区文件夹"),
    "fault.moved_on.fix": ("look at it again, then decide", "请重新查看后再决定"),
    "fault.four_eyes.fix": ("let somebody else decide", "请由他人决定"),
    "fault.no_reason.fix": ("give a reason", "请写明原因"),
    "fault.too_early.fix": ("submit when the month is over", "请在该月结束后填报"),
    "fault.no_return.fix": ("look again later", "请稍后再看"),
    "fault.no_unit.fix": ("use an id of units.yaml", "请使用 units.yaml 中的单位编号"),
    "fault.not_own.fix": (
        "name the enterprise in plant.yaml, or fill the form by hand",
        "请在 plant.yaml 中写明企业（enterprise），或手工填写表格",
    ),
    "fault.bad_period.fix": ("write it as 2025-06", "请写成 2025-06"),
    "fault.not_form.fix": ("fill in the form that was downloaded", "请填写下载的表格"),
    "fault.other_form.fix": ("send the form of this return", "请上传本报表的表格"),
    "fault.not_here.fix": ("look at the return", "请在报表中查看"),
}
