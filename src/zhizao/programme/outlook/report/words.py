"""The words of the evaluation report in English and Chinese."""

from __future__ import annotations

from typing import Literal

from zhizao.programme.outlook.judge import State

__all__ = ["STATES", "WORDS", "cn_number", "state_word", "word"]

Lang = Literal["en", "zh"]

STATES: dict[State, tuple[str, str]] = {
    State.REACHED: ("reached", "已达到"),
    State.ON_TRACK: ("on track", "进展顺利"),
    State.AT_RISK: ("at risk", "存在风险"),
    State.OFF_TRACK: ("off track", "偏离目标"),
    State.MISSED: ("missed", "未达到"),
    State.CANNOT_JUDGE: ("cannot be judged", "无法评判"),
}

WORDS: dict[str, tuple[str, str]] = {
    "title": (
        "Evaluation report on the indicators of Made in China 2025",
        "《中国制造2025》指标监测评估报告",
    ),
    "title_own": ("Evaluation report on indicators", "指标监测评估报告"),
    "number": ("Document no.: {number}", "文号：{number}"),
    "number_blank": ("____________", "＿＿＿〔　　　〕　　号"),
    "issuer": ("Issued by: {issuer}", "评估单位：{issuer}"),
    "as_of": ("As known on {day}", "数据截止日：{day}"),
    "h1": ("1. Overall conclusion", "一、总体结论"),
    "h2": ("2. Results by indicator", "二、指标完成情况"),
    "h3": ("3. Analysis by indicator", "三、逐项分析"),
    "h4": ("4. What cannot be judged, and gaps in the data", "四、无法评判的指标与数据缺口"),
    "h5": ("5. Method and sources", "五、方法与数据来源"),
    "h6": ("Annex 1. Definitions by version", "附件1　指标定义（按版本）"),
    "h7": ("Annex 2. Frozen data", "附件2　冻结数据"),
    "h8": ("Annex 3. Strategic steps and goals without a number", "附件3　战略步骤与非定量目标"),
    "overall.table": (
        "Of {n} targets for {indicators} indicators ({sets}) ",
        "对照公布数据，{indicators}项指标的{n}项目标（{sets}）中，",
    ),
    "overall.column": (
        "Of {n} targets for {indicators} results of the projects of columns 1 to 5 ({sets}) ",
        "专栏1至5的{n}项目标（{sets}）中，",
    ),
    "overall.own": (
        "Of {n} targets for {indicators} own indicators ({sets}) ",
        "自定{indicators}项指标的{n}项目标（{sets}）中，",
    ),
    "overall": ("; {n} cannot be judged for lack of data.", "；另有{n}项因缺少数据无法评判。"),
    "stop": (".", "。"),
    "n.reached": ("{n} are reached", "{n}项已达到"),
    "n.missed": ("{n} missed", "{n}项未达到"),
    "n.on_track": ("{n} on track", "{n}项进展顺利"),
    "n.at_risk": ("{n} at risk", "{n}项存在风险"),
    "n.off_track": ("{n} off track", "{n}项偏离目标"),
    "little": (", which says next to nothing", "，几无信息"),
    "category": ("category", "类别"),
    "year_line": (
        "Targets of {year}: {list}.",
        "{year}年目标：{list}。",
    ),
    "state_list": ("{state} {n} ({names})", "{state}{n}项（{names}）"),
    "rule": (
        "A value of the target's year decides. Before it, the pace of the last years is held against the pace still"
        " required. The probability counts sampling, revision and forecast error together. Values that are only"
        " remembered, and series across breaks in comparability, are not used.",
        "目标年份有公布数值的，以该数值判定；没有的，以近年实际速度与所需速度相比判定。达标概率同时计入抽样误差、修订误差和预测误差。"
        "未经核实的数值不予采用，口径不同的序列不相连接。",
    ),
    "unverified_used": (
        "This evaluation uses values that are only remembered and were found in no source. It is no basis for a"
        " decision.",
        "本次评估采用了凭记忆所得、未在来源中找到的数值，不得作为决策依据。",
    ),
    "table": ("Table 1. The plan’s indicators", "表1　规划指标完成情况"),
    "table2": ("Table 2. Targets of the projects (columns 1 to 5)", "表2　专栏1至5的目标完成情况"),
    "table3": ("Table 3. Own indicators", "表3　自定指标完成情况"),
    "indicator": ("indicator", "指标"),
    "set": ("set of targets", "目标出处"),
    "target": ("target", "目标"),
    "year": ("year", "年份"),
    "latest": ("newest value", "最新数值"),
    "state": ("state", "判定"),
    "chance": ("probability", "达标概率"),
    "interval": ("95 % interval for that year", "该年95%区间"),
    "why": ("why", "依据"),
    "since": ("first beyond the target in {at}", "最早于{at}达到"),
    "others": ("by other series: {list}", "按其他序列：{list}"),
    "error": (
        "spread on the model’s scale: forecast {forecast}, revision {revision}, sampling and rounding {sampling}",
        "模型尺度上的标准差：预测{forecast}，修订{revision}，抽样与进位{sampling}",
    ),
    "none": ("–", "—"),
    "outlook": ("Outlook", "展望"),
    "outlook_line": (
        "{year}: {mid} ({low} to {high})",
        "{year}年：{mid}（{low}至{high}）",
    ),
    "outlook_text": (
        "Median and 95 % interval, from {n} values of the series “{series}”: {list}.",
        "由序列“{series}”的{n}个数值所得中位数与95%区间：{list}。",
    ),
    "few": (
        "It rests on few values, so that its width comes mostly from what the model allows for.",
        "数值较少，区间宽度主要来自模型的设定。",
    ),
    "own_test": (
        "Tested on its own values: {inside} of {n} later values lay inside the 95 % interval made from the earlier ones.",
        "用自身数据回测：以前期数值所作的95%区间，覆盖了{n}个后期数值中的{inside}个。",
    ),
    "own_none": ("Too few values to test the intervals on their own.", "自身数值过少，无法回测。"),
    "breaks": ("Breaks in comparability: ", "可比性中断："),
    "series_line": ("Series: {list}.", "序列：{list}。"),
    "chart": ("{name}: values, targets and outlook", "{name}：实际值、目标与展望"),
    "legend": (
        "Solid dots: values of the series judged by. Hollow dots: other series, not joined with it. Diamonds: targets"
        " (hollow: of other sets). Bands: 50, 80 and 95 % intervals; dashes: median; dotted: the day of this report.",
        "实心点：据以判定的序列；空心点：其他序列，不相连接；菱形：目标（空心为其他出处）；色带：50%、80%、95%区间；虚线：中位数；"
        "竖点线：数据截止日。",
    ),
    "clipped": (
        "The chart shows the interval as far as it says something.",
        "图中区间只画到仍有信息的年份和范围。",
    ),
    "cannot_text": (
        "No target of these indicators can be judged:",
        "下列指标的各项目标均无法评判：",
    ),
    "partly_text": ("Of others, single targets cannot be judged:", "其他指标中，下列单项目标无法评判："),
    "gaps_text": ("Gaps and breaks:", "数据缺口与口径中断："),
    "all_judged": ("Every target could be judged.", "各项目标均可评判。"),
    "method1": (
        "On a scale where it has no limits (log-odds of a share, root of a count, logarithm of other positive figures, logarithm of what is"
        " left for a reduction, points as they are) an indicator follows a trend whose slope may change and fades with"
        " time, with a random walk beside it. The spread of the slope, the walk, the rate of fading and the unstated error"
        " are not fixed: they run over a grid, and each combination counts by its restricted likelihood. The forecast is"
        " the mixture of all, so that its tails are as wide as few values demand. Each value enters with its standard"
        " error; where none was given, with the rounding of its last digit and 0, 1 or 3 % for high, medium or low"
        " confidence. Revision error comes from the vintages, where a value was published more than once.",
        "在不受上下限约束的尺度上（比重取对数优势比，计数取平方根，其他正数取对数，下降幅度取剩余比例的对数，百分点不变换），指标围绕一条斜率可变并"
        "逐渐衰减的趋势变动，并叠加随机游走。斜率幅度、游走幅度、衰减速度和未说明的误差不作固定，而在网格上取值，各组合按限制似然加权；"
        "预测为全部组合的混合分布，数值越少，尾部越宽。各数值按其标准误进入模型；未给出的，取末位进位误差，并按可信度高、中、低加0、1%、3%。"
        "同一数值多次公布的，由各版本得出修订误差。",
    ),
    "method2": (
        "Tested on {n} generated series of {kinds} kinds with known truth (seed {seed}), the 95 % intervals held the"
        " outcome in {overall} of cases, the 80 % intervals in {overall80}:",
        "用{kinds}类共{n}条已知真值的生成序列检验（种子{seed}），95%区间覆盖结果的比例为{overall}，80%区间为{overall80}：",
    ),
    "method3": (
        "On the published values themselves {inside} of {n} forecasts ({share}) lay inside the 95 % interval; these are"
        " few, and of few indicators.",
        "对公布数据本身，{n}个预测中有{inside}个（{share}）落在95%区间内；样本很少，且集中于少数指标。",
    ),
    "method3_none": (
        "The values given are too few to test the intervals on them.",
        "所给数值过少，无法以其检验区间。",
    ),
    "method4": (
        "State: at least 95 % of the required pace is on track, at least 60 % at risk, less off track (thresholds as in"
        " Eurostat’s monitoring of development goals); what the model makes less likely than not is at risk at best. A"
        " value older than 6 years says nothing on a target.",
        "判定标准：实际速度达到所需速度95%及以上为进展顺利，60%及以上为存在风险，不足60%为偏离目标（阈值参照欧盟统计局可持续发展目标"
        "监测）；模型概率不足一半的，至多判为存在风险。距目标年份6年以上的数值不作依据。",
    ),
    "years_ahead": ("{n} years ahead", "提前{n}年"),
    "year_ahead": ("1 year ahead", "提前1年"),
    "all_kinds": ("all kinds", "全部"),
    "kind": ("kind of course", "走势类型"),
    "sources": ("Sources", "数据来源"),
    "version": ("version", "版本"),
    "formula": ("formula", "计算方法"),
    "scope": ("scope and notes", "范围与说明"),
    "changed": ("changed: {why}", "修改：{why}"),
    "value": ("value", "数值"),
    "source": ("source", "来源"),
    "published": ("published", "公布日期"),
    "confidence": ("confidence", "可信度"),
    "use": ("use", "用途"),
    "series": ("series", "序列"),
    "note": ("note", "说明"),
    "high": ("high", "高"),
    "medium": ("medium", "中"),
    "low": ("low", "低"),
    "use.judged": ("judged by", "判定"),
    "use.bound": ("bound", "界限"),
    "use.context": ("shown only", "仅供参考"),
    "use.forecast": ("forecast, not used", "预测，未用"),
    "use.unverified": ("not verified", "未核实"),
    "use.later": ("later than the day", "晚于截止日"),
    "derived": ("derived", "推算"),
    "about": ("about", "约"),
    "more_than": ("more than", "高于"),
    "less_than": ("less than", "低于"),
    "hidden": (
        "{n} values that are only remembered are in the frozen inputs, marked as such; they are not shown.",
        "另有{n}个未核实的数值保存在冻结数据中并已标明，此处不列。",
    ),
    "frozen": (
        "The file holds its inputs: definitions, values, sources, settings. Their SHA-256 is",
        "本文件内含全部输入：定义、数值、来源、设置。其SHA-256为",
    ),
    "verify": (
        "`zhizao evaluate --verify FILE` makes the report again from them and compares it byte for byte.",
        "`zhizao evaluate --verify 文件` 由这些输入重新生成报告并逐字节比对。",
    ),
    "step": ("step {n}, by {year}", "第{n}步，{year}年"),
    "sign.evaluator": ("Evaluator:", "评估人："),
    "sign.reviewer": ("Reviewer:", "复核人："),
    "sign.head": ("Head of the unit:", "单位负责人："),
    "sign.date": ("Date and seal:", "日期（盖章）："),
    "made_by": ("made by zhizao {version}", "由 zhizao {version} 生成"),
    "f.ratio": ("sum over sum", "总量之比"),
    "f.mean_of_rates": ("mean of each enterprise’s rate, weight: {weight}", "各企业比率的平均，权重：{weight}"),
    "f.share": ("enterprises with it over all", "具备该项的企业占比"),
    "f.count": ("count", "计数"),
    "f.external": ("from elsewhere", "外部数据"),
    "f.composite": (
        "composite of {n} scores, {open} of them not named in the sources",
        "{n}项指标合成，其中{open}项来源未列名",
    ),
    "f.open": (
        "placeholders, never filled: weight {weight} at equal weights, which are assumed; the named scores leave the index open by "
        "{width} points, so it is taken as published and cannot be recomputed",
        "未列名项为占位，不填任何数值；按等权（假定）占{weight}；仅凭已列名各项，指数尚有{width}分不确定，故只采用公布值，无法复算",
    ),
    "f.named": (
        "with {value} published, the named scores average {low} to {high}",
        "公布值{value}意味着已列名各项平均为{low}至{high}",
    ),
    "f.constant": ("constant prices", "可比价"),
    "w.none": ("none", "等权"),
    "w.employees": ("persons employed", "从业人员"),
    "w.revenue_cny": ("revenue", "主营业务收入"),
    "k.level": ("level", "水平值"),
    "k.points": ("change in percentage points on {base}", "比{base}年的百分点变化"),
    "k.growth": ("average growth a year over {n} years", "{n}年年均增速"),
    "k.reduction": ("change on {base}", "比{base}的变化"),
}


def word(key: str, lang: str, **values: object) -> str:
    """A sentence of the report.

    Examples
    --------
    >>> word("as_of", "zh", day="2026年6月30日")
    '数据截止日：2026年6月30日'
    """
    text = WORDS[key][1 if lang == "zh" else 0]
    return text.format(**values) if values else text


def state_word(state: State, lang: str) -> str:
    """Name of a state."""
    return STATES[state][1 if lang == "zh" else 0]


_DIGITS = "零一二三四五六七八九"


def cn_number(n: int) -> str:
    """A number below 100 in Chinese.

    Examples
    --------
    >>> [cn_number(n) for n in (1, 10, 12, 20, 21)]
    ['一', '十', '十二', '二十', '二十一']
    """
    tens, ones = divmod(n, 10)
    if not tens:
        return _DIGITS[ones]
    return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")
