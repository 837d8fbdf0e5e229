// Work as bars on a canvas: the window that is seen is fetched, near bars are merged when there are too many.
const REPORT = ["c1", "c2", "red"], HEAD = 30;

export default {
  template: `<div class="zz-gantt"><canvas ref="canvas" tabindex="0" role="img" :aria-label="words.label"></canvas></div>`,
  props: { query: Object, words: Object, height: Number, zone: String, now: Number },
  data() { return { data: null }; },
  mounted() {
    this.tip = Object.assign(document.createElement("div"), { className: "zz-tip" });
    document.body.append(this.tip);
    this.canvas = this.$refs.canvas; this.pen = this.canvas.getContext("2d"); this.top = 0;
    this.sizes = new ResizeObserver(() => this.fit()); this.sizes.observe(this.$el);
    this.redraw = () => this.draw(); window.addEventListener("zz-theme", this.redraw);
    const c = this.canvas;
    c.addEventListener("wheel", (e) => { e.preventDefault(); if (e.ctrlKey || e.metaKey || Math.abs(e.deltaY) < Math.abs(e.deltaX) || !e.shiftKey && !this.tall()) this.wheel(e); else this.scroll(e.shiftKey ? e.deltaX || e.deltaY : e.deltaY); }, { passive: false });
    c.addEventListener("pointerdown", (e) => { c.setPointerCapture(e.pointerId); this.held = this.held || new Map(); this.held.set(e.pointerId, [e.clientX, e.clientY]); this.moved = 0; });
    c.addEventListener("pointermove", (e) => this.move(e));
    for (const kind of ["pointerup", "pointercancel"]) c.addEventListener(kind, (e) => { this.held?.delete(e.pointerId); if (kind === "pointerup" && this.moved < 5) this.open(e); });
    c.addEventListener("pointerleave", () => { this.tip.style.display = "none"; });
    c.addEventListener("keydown", (e) => {
      const wide = this.to - this.from, steps = { ArrowLeft: [-0.2, 1], ArrowRight: [0.2, 1], "+": [0, 0.6], "=": [0, 0.6], "-": [0, 1 / 0.6] };
      if (steps[e.key]) { e.preventDefault(); const [shift, zoom] = steps[e.key]; const mid = (this.from + this.to) / 2 + shift * wide; this.see(mid - wide * zoom / 2, mid + wide * zoom / 2); }
      if (e.key === "ArrowUp" || e.key === "ArrowDown") { e.preventDefault(); this.scroll(e.key === "ArrowUp" ? -60 : 60); }
      if (e.key === "0" || e.key === "Home") { e.preventDefault(); this.see(this.first, this.last); }
    });
    this.fetch(true);
  },
  beforeUnmount() { this.sizes.disconnect(); window.removeEventListener("zz-theme", this.redraw); this.tip.remove(); },
  methods: {
    tall() { return this.data && this.data.lanes.length * this.row() > this.canvas.clientHeight - HEAD; },
    row() { const n = this.data?.lanes.length || 1; return Math.max(window.innerWidth < 900 ? 26 : 18, Math.min(40, (this.canvas.clientHeight - HEAD) / n)); },
    async fetch(whole) {
      const q = new URLSearchParams(this.query);
      if (!whole) { const wide = this.to - this.from; q.set("start_s", this.from - 0.5 * wide); q.set("end_s", this.to + 0.5 * wide); }
      const mark = this.mark = (this.mark || 0) + 1;
      let found; try { found = await window.zz.call("GET", "/api/v1/gantt?" + q); } catch (error) { window.zz.tell(error); return; }
      if (mark !== this.mark) return;
      this.data = found; this.have = whole ? [-Infinity, Infinity] : [this.from - 0.5 * (this.to - this.from), this.to + 0.5 * (this.to - this.from)];
      this.wideAt = this.to - this.from;
      if (whole) { this.first = found.first_s; this.last = Math.max(found.last_s, found.first_s + 60); const pad = 0.01 * (this.last - this.first); this.first -= pad; this.last += pad; this.from = this.first; this.to = this.last; this.wideAt = this.to - this.from; }
      this.index = null; this.fit();
    },
    fit() {
      if (!this.data) return;
      const wide = this.$el.clientWidth, rows = this.data.lanes.length, high = Math.min(this.height, HEAD + 14 + Math.max(3, rows) * 40);
      const scale = window.devicePixelRatio || 1;
      this.canvas.style.width = wide + "px"; this.canvas.style.height = high + "px";
      this.canvas.width = wide * scale; this.canvas.height = high * scale; this.pen.setTransform(scale, 0, 0, scale, 0, 0);
      this.draw();
    },
    left() { if (!this.data) return 90; this.pen.font = "12.5px " + getComputedStyle(document.body).fontFamily; let w = 40; for (const name of this.data.lanes.slice(0, 400)) w = Math.max(w, this.pen.measureText(name).width); return Math.min(window.innerWidth < 900 ? 92 : 180, Math.ceil(w) + 20); },
    x(t) { return this.edge + (t - this.from) / (this.to - this.from) * (this.canvas.clientWidth - this.edge); },
    t(x) { return this.from + (x - this.edge) / (this.canvas.clientWidth - this.edge) * (this.to - this.from); },
    draw() {
      if (!this.data) return;
      const p = this.pen, w = this.canvas.clientWidth, h = this.canvas.clientHeight, colour = window.zz.colour, d = this.data, row = this.row();
      this.edge = this.left();
      p.clearRect(0, 0, w, h); p.fillStyle = colour("surface"); p.fillRect(0, 0, w, h);
      const font = getComputedStyle(document.body).fontFamily;
      this.top = Math.max(0, Math.min(this.top, d.lanes.length * row - (h - HEAD)));
      p.save(); p.beginPath(); p.rect(0, HEAD, w, h - HEAD); p.clip();
      p.strokeStyle = colour("line"); p.lineWidth = 1; p.font = `12.5px ${font}`; p.textBaseline = "middle";
      const a = Math.max(0, Math.floor(this.top / row)), b = Math.min(d.lanes.length, Math.ceil((this.top + h - HEAD) / row));
      for (let i = a; i <= b; i++) { const y = Math.round(HEAD + i * row - this.top) + 0.5; p.beginPath(); p.moveTo(0, y); p.lineTo(w, y); p.stroke(); }
      p.restore();
      this.ticks(p, w, h, colour, font);
      p.save(); p.beginPath(); p.rect(this.edge, HEAD, w - this.edge, h - HEAD); p.clip();
      const paint = REPORT.map(colour), rework = colour("c5"), many = colour("c3"), high = Math.max(6, row - (row > 24 ? 10 : 5)), ink = colour("surface");
      for (let i = 0; i < d.lane.length; i++) {
        const lane = d.lane[i]; if (lane < a - 1 || lane > b) continue;
        const x1 = this.x(d.start_s[i]), x2 = this.x(d.end_s[i]); if (x2 < this.edge || x1 > w) continue;
        const y = HEAD + lane * row - this.top + (row - high) / 2;
        p.fillStyle = d.kind[i] === 0 && d.rework[i] ? rework : paint[d.kind[i]];
        p.fillRect(x1, y, Math.max(1, x2 - x1 - (x2 - x1 > 3 ? 0.8 : 0)), high);
        if (d.kind[i] === 1 && x2 - x1 > 5) { p.fillStyle = ink; p.globalAlpha = 0.55; for (let s = x1 + 2; s < x2 - 1; s += 5) p.fillRect(s, y, 1, high); p.globalAlpha = 1; }
        if (x2 - x1 > 46 && high > 13 && d.count[i] === 1 && d.order[i]) { p.fillStyle = ink; p.font = `11px ${font}`; p.textBaseline = "middle"; const name = this.query.by === "order" ? (d.operation[i] || "") : d.order[i]; if (p.measureText(name).width < x2 - x1 - 7) p.fillText(name, x1 + 4, y + high / 2 + 0.5); }
      }
      if (this.now && this.now > this.from && this.now < this.to) { p.strokeStyle = colour("accent"); p.beginPath(); p.moveTo(this.x(this.now), HEAD); p.lineTo(this.x(this.now), h); p.stroke(); }
      p.restore();
      p.fillStyle = colour("surface"); p.fillRect(0, HEAD, this.edge - 6, h - HEAD);
      p.save(); p.beginPath(); p.rect(0, HEAD, this.edge - 6, h - HEAD); p.clip(); p.fillStyle = colour("ink-2"); p.font = `12.5px ${font}`; p.textBaseline = "middle";
      for (let i = a; i < b; i++) { if (row < 13 && i % 2) continue; p.fillText(d.lanes[i], 10, HEAD + i * row - this.top + row / 2); }
      p.restore();
      if (this.tall()) { const full = d.lanes.length * row, bar = Math.max(24, (h - HEAD) ** 2 / full); p.fillStyle = colour("line-strong"); p.fillRect(w - 5, HEAD + this.top / full * (h - HEAD), 3, bar); }
    },
    ticks(p, w, h, colour, font) {
      const room = w < 600 ? 84 : 104, wanted = (this.to - this.from) / Math.max(2, (w - this.edge) / room);
      const steps = [60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000];
      const step = steps.find((s) => s >= wanted) || 31536000;
      const parts = new Intl.DateTimeFormat("sv-SE", { timeZone: this.zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
      const shift = (() => { const at = new Date(Math.floor(this.from / 60) * 60000); const local = new Date(parts.format(at).replace(" ", "T") + "Z"); return Math.round((local - at) / 60000) * 60; })();
      p.fillStyle = colour("ink-3"); p.font = `11.5px ${font}`; p.textBaseline = "middle"; p.strokeStyle = colour("line");
      let first = true; // the first mark says the day too
      const base = step % 604800 === 0 && step < 2592000 ? 345600 : 0;
      for (let at = Math.ceil((this.from + shift - base) / step) * step + base; at < this.to + shift; at += step) {
        const x = this.x(at - shift); if (x < this.edge) continue;
        p.beginPath(); p.moveTo(Math.round(x) + 0.5, HEAD - 4); p.lineTo(Math.round(x) + 0.5, h); p.stroke();
        const said = parts.format(new Date((at - shift) * 1000)); const words = step < 86400 ? (first || at % 86400 < step ? said.slice(5) : said.slice(11)) : said.slice(0, 10);
        first = false;
        if (x + 4 + p.measureText(words).width < w) p.fillText(words, x + 4, HEAD / 2);
      }
      p.beginPath(); p.moveTo(0, HEAD + 0.5); p.lineTo(w, HEAD + 0.5); p.strokeStyle = colour("line-strong"); p.stroke();
    },
    see(from, to) {
      const least = 120, whole = this.last - this.first;
      let wide = Math.max(least, Math.min(whole, to - from)), mid = (from + to) / 2;
      this.from = Math.max(this.first, Math.min(mid - wide / 2, this.last - wide)); this.to = this.from + wide;
      this.draw();
      const out = this.from < this.have[0] || this.to > this.have[1], closer = this.data.merged && wide < 0.6 * this.wideAt;
      if (out || closer || (this.have[0] > -Infinity && wide > 2 * this.wideAt)) { clearTimeout(this.timer); this.timer = setTimeout(() => this.fetch(false), 120); }
    },
    wheel(e) { const at = this.t(e.offsetX), zoom = Math.exp((e.deltaY || e.deltaX) * 0.0016); this.see(at - (at - this.from) * zoom, at + (this.to - at) * zoom); },
    scroll(by) { this.top += by; this.draw(); },
    hit(e) {
      if (!this.data) return -1;
      const d = this.data, t = this.t(e.offsetX), lane = Math.floor((e.offsetY - HEAD + this.top) / this.row()), slack = 3 * (this.to - this.from) / this.canvas.clientWidth;
      if (e.offsetY < HEAD || e.offsetX < this.edge) return -1;
      let best = -1;
      for (let i = 0; i < d.lane.length; i++) if (d.lane[i] === lane && d.start_s[i] - slack <= t && t <= d.end_s[i] + slack) best = i;
      return best;
    },
    move(e) {
      const before = this.held?.get(e.pointerId);
      if (before) {
        const dx = e.clientX - before[0], dy = e.clientY - before[1]; this.moved += Math.abs(dx) + Math.abs(dy);
        if (this.held.size === 2) {
          const other = [...this.held.entries()].find(([id]) => id !== e.pointerId)[1], was = Math.hypot(before[0] - other[0], before[1] - other[1]), is = Math.hypot(e.clientX - other[0], e.clientY - other[1]);
          if (is > 8) { const mid = (this.from + this.to) / 2, wide = (this.to - this.from) * was / is; this.see(mid - wide / 2, mid + wide / 2); }
        } else { const per = (this.to - this.from) / (this.canvas.clientWidth - this.edge); this.top -= dy; this.see(this.from - dx * per, this.to - dx * per); }
        this.held.set(e.pointerId, [e.clientX, e.clientY]); this.tip.style.display = "none"; return;
      }
      const i = this.hit(e); this.canvas.style.cursor = i >= 0 ? "pointer" : "grab";
      if (i < 0) { this.tip.style.display = "none"; return; }
      const d = this.data, at = new Intl.DateTimeFormat("sv-SE", { timeZone: this.zone, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
      const head = d.count[i] > 1 ? this.words.merged.replace("{n}", d.count[i].toLocaleString()) : [d.order[i], d.operation[i], d.product[i]].filter(Boolean).join(" · ");
      const hours = (d.end_s[i] - d.start_s[i]) / 3600;
      this.tip.textContent = `${head}\n${this.words.kinds[d.kind[i]]}${d.rework[i] ? " · " + this.words.rework : ""} · ${hours.toLocaleString(window.zz.lang(), { maximumFractionDigits: 1 })} ${this.words.hour}\n${at.format(new Date(d.start_s[i] * 1000))} – ${at.format(new Date(d.end_s[i] * 1000))}`;
      this.tip.style.display = "block";
      this.tip.style.left = Math.min(e.clientX + 14, window.innerWidth - this.tip.offsetWidth - 8) + "px"; this.tip.style.top = Math.min(e.clientY + 14, window.innerHeight - this.tip.offsetHeight - 8) + "px";
    },
    open(e) {
      const i = this.hit(e); if (i < 0) return;
      if (this.data.count[i] > 1) { const wide = (this.to - this.from) / 4, t = this.t(e.offsetX); this.see(t - wide / 2, t + wide / 2); }
      else if (this.data.event[i] > 0) location.assign("/journal?event=" + this.data.event[i]);
    },
  },
};
