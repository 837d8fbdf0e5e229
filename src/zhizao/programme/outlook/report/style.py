"""The look of the evaluation report: screen (light, dark, phone) and paper (A4)."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root{--ink:#1d2429;--soft:#5c6770;--line:#d5dbe0;--paper:#fff;--card:#f6f8f9;--red:#b8202a;--accent:#1f6fb2;
--reached:#1f7a55;--on_track:#1f6fb2;--at_risk:#a66a00;--off_track:#b0381e;--missed:#b0381e;--cannot_judge:#66717a;
--fan1:#d6e6f3;--fan2:#afd0e9;--fan3:#7fb3da}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9ec;--soft:#9aa7b0;--line:#39434b;--paper:#14191d;--card:#1c2328;--red:#e2626a;
--accent:#6db3ee;--reached:#5cc39c;--on_track:#6db3ee;--at_risk:#e0ab4a;--off_track:#ec8465;--missed:#ec8465;--cannot_judge:#9aa7b0;
--fan1:#20384b;--fan2:#2c567a;--fan3:#3c78a8}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:940px;padding:40px 28px 72px;color:var(--ink);background:var(--paper);
font:16px/1.65 system-ui,"Segoe UI","Noto Sans",sans-serif}
:lang(zh) body,body:lang(zh){font-family:"Noto Sans CJK SC","Noto Sans SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif;line-height:1.8}
h1{font-size:30px;line-height:1.35;margin:6px 0 14px;text-align:center;font-weight:680;text-wrap:balance}
h1:lang(zh){font-family:"FZXiaoBiaoSong-B05S","Noto Serif CJK SC","Songti SC",SimSun,serif;letter-spacing:1px}
.mark{display:flex;justify-content:space-between;flex-wrap:wrap;gap:4px 24px;border-bottom:3px solid var(--red);padding-bottom:8px;margin-bottom:30px;color:var(--soft);font-size:14.5px}
h2{font-size:21px;margin:44px 0 10px;font-weight:660}
h3{font-size:16.5px;margin:34px 0 4px;font-weight:640;text-wrap:balance}
h4{font-size:15px;margin:22px 0 4px;font-weight:620}
p{margin:6px 0 10px}p:lang(zh).body{text-indent:2em}.soft,.small{color:var(--soft);font-size:14px}.small{line-height:1.6}
.counts{display:grid;grid-template-columns:repeat(6,1fr);gap:10px;margin:16px 0 18px}
.count{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:8px 12px;border-top:4px solid var(--c)}
.count b{display:block;font-size:26px;line-height:1.25;font-weight:660}.count span{font-size:13.5px;color:var(--soft)}
.reached{--c:var(--reached)}.on_track{--c:var(--on_track)}.at_risk{--c:var(--at_risk)}.off_track{--c:var(--off_track)}.missed{--c:var(--missed)}.cannot_judge{--c:var(--cannot_judge)}
.chip{display:inline-block;color:var(--c);border:1px solid var(--c);border-radius:5px;padding:0 7px;font-size:13.5px;font-weight:600;white-space:nowrap;line-height:1.55}
.missed.chip,.off_track.chip{border-width:2px}.cannot_judge.chip{border-style:dashed;font-weight:500}
.wide{overflow-x:auto;margin:8px 0}
table{border-collapse:collapse;width:100%;font-size:14px;line-height:1.5}
caption{text-align:left;font-weight:600;padding:4px 0 6px;font-size:14.5px}
th{text-align:left;font-weight:600;border-top:2px solid var(--ink);border-bottom:1px solid var(--ink);padding:6px 10px 6px 0;vertical-align:bottom}
td{border-bottom:1px solid var(--line);padding:6px 10px 6px 0;vertical-align:top}table{border-bottom:2px solid var(--ink)}tr:last-child td{border-bottom:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.tight{white-space:nowrap}.p{color:var(--soft);font-size:13px}.results .p,.tight .p{white-space:nowrap}
td.cat{font-weight:600;color:var(--soft);width:7.5em}.results td{padding-right:12px}
.chart{overflow-x:auto}.chart svg{width:100%;min-width:560px;height:auto;display:block}
svg text{font-size:12.5px;fill:var(--ink)}svg .tick{fill:var(--soft);font-size:12px}svg .flag{font-weight:620;paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
.axis{stroke:var(--soft);stroke-width:1}.grid{stroke:var(--line);stroke-width:1}.today{stroke:var(--soft);stroke-dasharray:2 4}
.f1{fill:var(--fan1)}.f2{fill:var(--fan2)}.f3{fill:var(--fan3)}.mid{fill:none;stroke:var(--accent);stroke-width:1.8;stroke-dasharray:6 4}
.run{fill:none;stroke:var(--ink);stroke-width:1.8}.old{fill:none;stroke:var(--soft);stroke-width:1.3}
.dot{fill:var(--ink)}.dot.other{fill:var(--paper);stroke:var(--soft);stroke-width:1.6}.dot.base{fill:var(--soft)}
.goal{fill:var(--red)}.goal.second{fill:var(--paper);stroke:var(--red);stroke-width:1.8}
ul,ol{padding-left:22px;margin:6px 0 12px}li{margin:3px 0}
.hash{font-family:ui-monospace,Consolas,monospace;font-size:12.5px;overflow-wrap:anywhere}
.sign{display:grid;grid-template-columns:repeat(2,1fr);gap:34px 40px;margin:40px 0 10px}.sign div{border-bottom:1px solid var(--ink);padding-bottom:4px;min-height:34px}
footer{margin-top:44px;color:var(--soft);font-size:13px;border-top:1px solid var(--line);padding-top:10px}
a{color:var(--accent)}
@media screen and (max-width:720px){body{padding:22px 16px 48px}h1{font-size:23px}.counts{grid-template-columns:repeat(3,1fr)}.wide table{min-width:640px}.sign{grid-template-columns:1fr}svg text{font-size:14px}svg .tick{font-size:13.5px}}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--card:#fff;--red:#b8202a;--accent:#1f6fb2;--reached:#1f7a55;--on_track:#1f6fb2;--at_risk:#8a5800;--off_track:#a03018;--missed:#a03018;--cannot_judge:#555;--fan1:#d6e6f3;--fan2:#afd0e9;--fan3:#7fb3da}
body{max-width:none;padding:0;font-size:11pt}body:lang(zh){font-family:FangSong,STFangsong,"Noto Serif CJK SC","Noto Serif SC",SimSun,serif}
h2:lang(zh),h3:lang(zh){font-family:SimHei,"Noto Sans CJK SC",sans-serif}h2,h3,caption{break-after:avoid}.one{break-inside:avoid-page}.chart,tr,.sign,.counts{break-inside:avoid}
table{font-size:9.2pt}.wide,.chart{overflow:visible}.wide table{min-width:0}.chart svg{min-width:0;max-width:150mm}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
@page{size:A4;margin:25mm 22mm 22mm 24mm;@bottom-center{content:"— " counter(page) " —";font-size:10pt}}}
"""
