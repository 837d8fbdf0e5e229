// Trends: several signals over one span, points from the server at each zoom; wheel, pinch and drag; the span stands in the address.
import { echarts } from "nicegui-echart";

export default {
  template: `<div><div class="zz-row" style="gap:6px;flex-wrap:wrap;margin-bottom:8px" role="toolbar">
    <button type="button" class="zz-btn small quiet zz-thumb" v-for="one in moves" :key="one.word" @click="move(one)" :aria-label="one.word" :title="one.word">{{ one.sign }}</button>
    <span class="grow" style="flex:1"></span>
    <button type="button" class="zz-btn small quiet zz-thumb" @click="save">{{ words.png }}</button>
    <a class="zz-btn small quiet zz-thumb" v-for="way in ['csv','xlsx']" :key="way" :href="file(way)" download>{{ words[way] }}</a></div>
    <div ref="plot" :style="{height: height + 'px', touchAction: 'pan-y'}" role="img" :aria-label="words.label"></div>
    <p class="zz-note" role="status" aria-live="polite" style="min-height:1.4em">{{ said }}</p></div>`,
  props: { tags: Array, units: Array, begin: Number, end: Number, words: Object, zone: String, height: Number },
  data() { return { said: "", from: this.begin, to: this.end, moves: [
    { sign: "◀", word: this.words.back, shift: -0.5 }, { sign: "▶", word: this.words.on, shift: 0.5 },
    { sign: "＋", word: this.words.closer, by: 0.5 }, { sign: "－", word: this.words.wider, by: 2 } ] }; },
  mounted() {
    this.asked = 0; this.found = [];
    this.chart = echarts.init(this.$refs.plot, null, { renderer: "canvas" });
    this.sizes = new ResizeObserver(() => this.chart.resize()); this.sizes.observe(this.$refs.plot);
    this.redraw = () => this.draw(); window.addEventListener("zz-theme", this.redraw);
    this.chart.on("datazoom", () => {
      const zoom = this.chart.getOption().dataZoom[0];
      if (zoom.startValue === undefined) return;
      clearTimeout(this.wait);
      this.wait = setTimeout(() => this.go(zoom.startValue, zoom.endValue), 250);
    });
    this.load();
  },
  beforeUnmount() { clearTimeout(this.wait); this.sizes.disconnect(); window.removeEventListener("zz-theme", this.redraw); this.chart.dispose(); },
  methods: {
    iso(ms) { return new Date(Math.round(ms)).toISOString(); },
    query() {
      const ask = new URLSearchParams();
      this.tags.forEach((tag, k) => { ask.append("tag", tag); ask.append("unit", this.units[k] || ""); });
      ask.set("from", this.iso(this.from)); ask.set("to", this.iso(this.to));
      return ask;
    },
    file(way) { const ask = this.query(); return `/api/v1/live/trend/export?${ask}&format=${way}`; },
    move(one) {
      const span = this.to - this.from, mid = (this.to + this.from) / 2;
      if (one.shift) this.go(this.from + one.shift * span, this.to + one.shift * span);
      else this.go(mid - span * one.by / 2, mid + span * one.by / 2);
    },
    go(from, to) {
      if (!(to - from >= 100)) { const mid = (from + to) / 2; from = mid - 50; to = mid + 50; }
      this.from = Math.max(from, 1); this.to = Math.min(to, Date.now() + 864e5);
      if (this.to <= this.from) return;
      const place = new URL(location.href);
      place.searchParams.delete("span"); place.searchParams.set("start", this.iso(this.from)); place.searchParams.set("end", this.iso(this.to));
      history.replaceState(history.state, "", place);
      this.load();
    },
    async load() {
      const mine = ++this.asked, span = this.to - this.from, ask = this.query();
      // a screen more on both sides, so that a drag shows something at once
      ask.set("from", this.iso(Math.max(this.from - span, 1))); ask.set("to", this.iso(this.to + span));
      ask.set("points", String(Math.min(20000, Math.max(600, 3 * Math.round(this.$refs.plot.clientWidth)))));
      this.said = this.words.loading;
      try {
        const answer = await fetch(`/api/v1/live/trend?${ask}`), body = await answer.json();
        if (mine !== this.asked) return;
        if (!answer.ok) { this.said = `${body.what}; ${body.fix}`; return; }
        this.found = body; this.draw();
      } catch (error) { if (mine === this.asked) this.said = this.words.failed; }
    },
    when(ms, whole) {
      const look = { timeZone: this.zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, span = this.to - this.from;
      if (whole || span < 36e5) look.second = "2-digit";
      if (whole && span < 6e4) look.fractionalSecondDigits = 3;
      if (whole || span > 864e5) { look.month = "2-digit"; look.day = "2-digit"; }
      return new Intl.DateTimeFormat(window.zz.lang(), look).format(new Date(ms));
    },
    draw() {
      if (!this.found.length) return;
      const c = window.zz.colour, ink = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"].map(c), series = [], axes = [], units = [];
      for (const one of this.found) if (!one.text.length && !units.includes(one.unit)) units.push(one.unit);
      const texts = this.found.filter((one) => one.text.length);
      units.forEach((unit, k) => axes.push({ type: "value", scale: true, name: unit, position: k % 2 ? "right" : "left", offset: 46 * (k >> 1),
        axisLabel: { color: c("ink-2"), formatter: (v) => Number(v.toPrecision(6)).toLocaleString(window.zz.lang()) }, nameTextStyle: { color: c("ink-3"), align: k % 2 ? "right" : "left" }, splitLine: { show: !k, lineStyle: { color: c("line") } } }));
      if (texts.length) axes.push({ type: "category", show: false, data: [...new Set(texts.flatMap((one) => one.text.filter((w) => w !== null)))] });
      this.found.forEach((one, k) => {
        const colour = ink[k % ink.length], axis = one.text.length ? axes.length - 1 : Math.max(units.indexOf(one.unit), 0);
        const rows = one.at_ms.map((at, i) => [at, one.text.length ? one.text[i] : one.value[i]]);
        if (rows.length && !one.every_s && this.to > rows[rows.length - 1][0]) rows.push([Math.min(this.to, Date.now()), rows[rows.length - 1][1]]);
        series.push({ name: one.tag, type: "line", step: one.every_s ? "middle" : "end", symbol: rows.length < 120 ? "circle" : "none", symbolSize: 3, yAxisIndex: axis, data: rows, connectNulls: false,
          lineStyle: { width: 1.5, color: colour }, itemStyle: { color: colour }, large: false, animation: false });
        if (one.every_s) {
          const quiet = { type: "line", symbol: "none", yAxisIndex: axis, stack: "band" + k, silent: true, animation: false, lineStyle: { opacity: 0 }, tooltip: { show: false }, step: "middle", stackStrategy: "all" };
          series.push({ ...quiet, name: "·" + k, data: one.at_ms.map((at, i) => [at, one.low[i]]) });
          series.push({ ...quiet, name: "·" + k, areaStyle: { color: colour, opacity: 0.18 }, data: one.at_ms.map((at, i) => [at, one.low[i] === null ? null : one.high[i] - one.low[i]]) });
        }
      });
      const many = this.found.reduce((sum, one) => sum + one.at_ms.length, 0), empty = this.found.every((one) => !one.at_ms.length), every = Math.max(0, ...this.found.map((one) => one.every_s));
      this.said = empty ? this.words.none : every ? this.words.every.replace("{n}", every >= 3600 ? every / 3600 + " h" : every / 60 + " min") : this.words.points.replace("{n}", many.toLocaleString(window.zz.lang())).replace("{all}", this.found.reduce((sum, one) => sum + one.samples, 0).toLocaleString(window.zz.lang()));
      this.chart.setOption({
        animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
        grid: { left: 8 + 46 * Math.max(0, Math.ceil(units.length / 2) - 1), right: 14, top: 54, bottom: 8, containLabel: true },
        legend: { type: "scroll", top: 0, left: 0, data: this.found.map((one) => one.tag), textStyle: { color: c("ink-2") } },
        tooltip: { trigger: "axis", confine: true, backgroundColor: c("surface"), borderColor: c("line"), textStyle: { color: c("ink"), fontSize: 12.5 }, axisPointer: { type: "line" },
          formatter: (rows) => this.cursor(rows) },
        xAxis: { type: "time", min: this.from, max: this.to, axisLabel: { color: c("ink-2"), hideOverlap: true, formatter: (ms) => this.when(ms) }, axisLine: { lineStyle: { color: c("line-strong") } }, splitLine: { show: false } },
        yAxis: axes.length ? axes : [{ type: "value" }], series,
        dataZoom: [{ type: "inside", filterMode: "none", zoomOnMouseWheel: true, moveOnMouseMove: true, minValueSpan: 100 }],
      }, true);
    },
    cursor(rows) {
      if (!rows.length) return "";
      const safe = (text) => String(text).replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`), at = rows[0].axisValue;
      const lines = this.found.map((one, k) => {
        let low = 0, high = one.at_ms.length;  // the last point that is not later
        while (low < high) { const mid = (low + high) >> 1; if (one.at_ms[mid] <= at) low = mid + 1; else high = mid; }
        const i = low - 1, value = i < 0 ? null : one.text.length ? one.text[i] : one.value[i];
        const told = value === null ? this.words.bad : typeof value === "string" ? safe(value) : Number(value.toPrecision(7)).toLocaleString(window.zz.lang(), { maximumFractionDigits: 6 });
        const band = i >= 0 && one.every_s && one.low[i] !== null ? ` (${Number(one.low[i].toPrecision(5))} – ${Number(one.high[i].toPrecision(5))})` : "";
        return `${safe(one.tag)}: <b>${told}</b> ${safe(one.unit)}${band}`;
      });
      return `${safe(this.when(at, true))}<br>${lines.join("<br>")}`;
    },
    save() {
      const link = Object.assign(document.createElement("a"), { href: this.chart.getDataURL({ pixelRatio: 2, backgroundColor: window.zz.colour("surface") }), download: this.words.label + ".png" });
      link.click();
    },
  },
};
