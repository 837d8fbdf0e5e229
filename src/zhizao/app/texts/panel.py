"""Words of the page Panel."""

from __future__ import annotations

__all__ = ["TEXTS"]

TEXTS: dict[str, tuple[str, str]] = {
    "jobkind.panel": ("Designing and drawing the panel", "正在设计并抽取样本"),
    "step.strata": ("making strata", "划分层"),
    "step.allocate": ("allocating", "分配样本"),
    "step.precision": ("expected precision", "预期精度"),
    "step.draw": ("drawing", "抽取"),
    "panel.none": ("No panel has been designed yet", "尚未设计样本"),
    "panel.none.text": (
        "Upload a frame, one row an enterprise, with id, industry, region, size and revenue_cny.",
        "上传抽样框，每行一家企业，含企业编号、行业、地区、规模、营业收入。",
    ),
    "panel.title": (
        "{n} of {N} enterprises give the total with a coefficient of variation of {cv}",
        "抽取{N}家中的{n}家，总量的变异系数为{cv}",
    ),
    "panel.title.plain": ("{n} of {N} enterprises are in the panel", "样本为{N}家企业中的{n}家"),
    "panel.sub": (
        "{name}; {strata} strata, {all} enterprises taken with certainty, {pooled} thin cells pooled; {at}",
        "{name}；{strata}层，必抽{all}家，合并薄层{pooled}个；{at}",
    ),
    "panel.running": ("A panel is being designed", "正在设计样本"),
    "panel.new": ("Design a panel", "设计样本"),
    "panel.file": ("Frame (CSV, Excel or Parquet)", "抽样框（CSV、Excel或Parquet）"),
    "panel.n": ("Enterprises", "样本量"),
    "panel.cv": ("or wanted CV in each industry and region, %", "或各行业、地区的目标变异系数（%）"),
    "panel.method": ("Allocation", "分配方法"),
    "panel.method.neyman": ("Neyman", "内曼分配"),
    "panel.method.power": ("power", "幂分配"),
    "panel.method.proportional": ("proportional", "按比例"),
    "panel.seed": ("Seed", "随机种子"),
    "panel.go": ("Design and draw", "设计并抽取"),
    "panel.go.why": (
        "Left empty, 30,000 or the whole frame are drawn. Numbers are permanent: the same seed draws the same enterprises.",
        "均留空时抽取30,000家或全部。随机数为永久随机数：同一种子抽取相同企业。",
    ),
    "panel.engineer": ("An engineer may design a panel.", "需工程师权限。"),
    "panel.get": ("Download the panel", "下载样本名单"),
    "panel.get.design": ("Download the design", "下载设计文件"),
    "panel.takeall": ("all taken", "全部抽取"),
    "panel.by.industry": ("Expected precision by industry", "分行业预期精度"),
    "panel.by.region": ("Expected precision by region", "分地区预期精度"),
    "panel.by": ("Expected precision by {name}", "按{name}的预期精度"),
    "panel.next": ("The next wave", "下一轮样本"),
    "panel.next.text": (
        "With {share} rotated on the same frame, {stayed} stay ({overlap} overlap), {rotated_out} leave and {entered} enter. "
        "Strata of which most are taken rotate little.",
        "在同一抽样框上轮换{share}：留用{stayed}家（重叠{overlap}），轮出{rotated_out}家，新入{entered}家。抽样比高的层轮换少。",
    ),
    "panel.next.none": (
        "This panel was designed before rotation was told: design it again to see who leaves and enters.",
        "该样本设计较早，未计算轮换；重新设计即可查看轮出和新入的企业。",
    ),
    "table.panel_rotation": ("The next wave", "下一轮样本"),
    "wave.stays": ("stays", "留用"),
    "wave.leaves": ("leaves", "轮出"),
    "wave.enters": ("enters", "新入"),
    "panel.strata": ("Allocation by stratum", "分层样本分配"),
    "panel.data": ("As a table", "数据表"),
    "panel.bar": ("{name}: coefficient of variation, %", "{name}：变异系数（%）"),
    "table.panel_strata": ("Allocation by stratum", "分层样本分配"),
    "col.wave": ("Next wave", "下一轮"),
    "col.stratum": ("Stratum", "层"),
    "col.frame_units": ("In the frame", "总体数"),
    "col.drawn": ("Drawn", "样本数"),
    "col.share_drawn": ("Share drawn", "抽样比"),
    "col.domain": ("Domain", "域"),
    "col.cv": ("CV", "变异系数"),
    "col.half": ("± of a share", "比例半宽"),
}
