"""The look of the report: one style sheet for screen (light, dark, phone) and paper (A4)."""

from __future__ import annotations

__all__ = ["SCRIPT", "STYLE"]

STYLE = """
:root{--ink:#1d2429;--soft:#5c6770;--line:#d9dee2;--paper:#fff;--card:#f6f8f9;--accent:#1f6fb2;--good:#2a7f62;--bad:#b3541e;
--p1:#1f6fb2;--p2:#8a6fb3;--p3:#b3541e;--p4:#d19a2a;--p5:#a7b1b8;--p6:#5b8f8a;--p7:#d3d9dd}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9ec;--soft:#9aa7b0;--line:#39434b;--paper:#14191d;--card:#1c2328;--accent:#5ba7e6;
--good:#57b894;--bad:#e08a52;--p1:#4c93cf;--p2:#a48fcb;--p3:#d0773f;--p4:#d9ac50;--p5:#66727b;--p6:#6fa8a2;--p7:#3b464e}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1040px;padding:32px 24px 64px;color:var(--ink);background:var(--paper);
font:16px/1.55 system-ui,"Segoe UI","Noto Sans","Noto Sans CJK SC","Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif}
h1{font-size:30px;line-height:1.25;margin:0 0 6px;font-weight:650;text-wrap:balance}html[lang=zh-CN] h1{text-wrap:pretty}.nw{white-space:nowrap}
h2{font-size:21px;margin:44px 0 8px;padding-top:14px;border-top:1px solid var(--line);font-weight:620}
h3{font-size:16px;margin:22px 0 6px;font-weight:600}
p{margin:6px 0 10px;max-width:72ch}.sub,.small{color:var(--soft);font-size:14px}
.cards{display:grid;grid-template-columns:repeat(3,1fr);gap:14px;margin:22px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px}
.card h3{margin:0 0 2px;color:var(--soft);font-weight:560;font-size:15px}
.big{font-size:34px;font-weight:660;letter-spacing:-.5px;line-height:1.2}.big small{font-size:15px;font-weight:500;color:var(--soft);letter-spacing:0}
.was{color:var(--soft);font-size:14px}.card svg{margin-top:6px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:8px 34px}.two svg text{font-size:17px}.two svg .value,.two svg .inbar{font-size:15.5px}
svg{width:100%;height:auto;display:block;overflow:visible}
svg text{font-size:13px;fill:var(--ink)}svg .tick{font-size:11.5px;fill:var(--soft)}svg .value{font-size:12px;fill:var(--soft)}
svg .inbar{fill:#fff;font-size:12px}svg .strong{font-weight:650}
.axis{stroke:var(--soft);stroke-width:1}.grid{stroke:var(--line);stroke-width:1}.target{stroke:var(--ink);stroke-width:1.4;stroke-dasharray:3 3}
.whisker{stroke:var(--ink);stroke-width:1.6}.beyond{fill:none;stroke:var(--ink);stroke-width:1.6}.bar{fill:var(--p5)}.good{fill:var(--good)}.bad{fill:var(--bad)}
.dot{fill:var(--paper);stroke:var(--accent);stroke-width:2}.dot.chosen{fill:var(--accent)}
.p1{fill:var(--p1)}.p2{fill:var(--p2)}.p3{fill:var(--p3)}.p4{fill:var(--p4)}.p5{fill:var(--p5)}.p6{fill:var(--p6)}.p7{fill:var(--p7)}
polyline{fill:none;stroke-width:2}.l1{stroke:var(--p1)}.l2{stroke:var(--p3)}.l3{stroke:var(--p4)}line.l1,line.l2,line.l3{stroke-width:3}
table{border-collapse:collapse;width:100%;font-size:14.5px;margin:8px 0}
th{text-align:left;font-weight:560;color:var(--soft);border-bottom:1px solid var(--line);padding:6px 10px 6px 0;vertical-align:bottom}
td{border-bottom:1px solid var(--line);padding:6px 10px 6px 0;vertical-align:top}.n{text-align:right;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}.narrow{max-width:760px}
.verdict{display:inline-block;border:1px solid currentColor;border-radius:6px;padding:3px 12px;font-weight:600;margin:4px 0 8px}
.yes{color:var(--good)}.no{color:var(--bad)}
ol.todo{padding-left:22px}ol.todo li{margin:8px 0}ol.todo .why{color:var(--soft);font-size:14px}
details{border-bottom:1px solid var(--line);padding:7px 0}summary{cursor:pointer;list-style-position:outside}
summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.list{max-height:560px;overflow:auto}.find{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:9px 12px;width:min(100%,360px);margin:6px 0 10px}
code{font-size:13.5px;background:var(--card);padding:1px 5px;border-radius:4px}
footer{margin-top:52px;color:var(--soft);font-size:13px;border-top:1px solid var(--line);padding-top:10px}
@media(max-width:760px){body{padding:20px 16px 48px}h1{font-size:24px}.cards,.two{grid-template-columns:1fr}.big{font-size:30px}svg text{font-size:15px}.narrow{overflow-x:auto}.narrow svg{min-width:440px}.narrow svg text{font-size:17px}summary{padding:10px 0}}
@media print{body{max-width:none;padding:0;font-size:11pt}.list{max-height:none}.find{display:none}h2{break-after:avoid}.card,svg,tr{break-inside:avoid}@page{size:A4;margin:16mm 14mm 18mm;@bottom-right{content:counter(page)}}}
"""

SCRIPT = """
(function(){
var data=JSON.parse(document.getElementById('work').textContent),box=document.getElementById('orders');
if(!box)return;var find=document.getElementById('find'),head=data.head,show=200;
function cell(tag,text,number){var e=document.createElement(tag);e.textContent=text===null?'':text;if(number)e.className='n';return e}
function rows(order){var t=document.createElement('table'),r=t.insertRow();head.forEach(function(h){r.appendChild(cell('th',h))});
data.rows[order].forEach(function(one){var r=t.insertRow();one.forEach(function(v){r.appendChild(cell('td',v,typeof v==='number'))})});
var w=document.createElement('div');w.className='wide';w.appendChild(t);return w}
function draw(){var text=find.value.toLowerCase(),shown=0;box.textContent='';
for(var i=0;i<data.orders.length&&shown<show;i++){var o=data.orders[i];if(text&&o.join(' ').toLowerCase().indexOf(text)<0)continue;shown++;
var d=document.createElement('details'),s=document.createElement('summary');d.dataset.order=o[0];s.textContent=o.filter(function(v){return v!==null&&v!==''}).join(' \\u00b7 ');d.appendChild(s);
d.addEventListener('toggle',function(e){var t=e.target;if(t.open&&t.childElementCount<2)t.appendChild(rows(t.dataset.order))});box.appendChild(d)}}
find.addEventListener('input',draw);draw();
})();
"""
