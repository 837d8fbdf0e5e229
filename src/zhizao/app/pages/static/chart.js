// A chart in the colours of the page, with its data and a picture to take away; a click follows an address.
import { echarts } from "nicegui-echart";

const colours = () => {
  const c = window.zz.colour;
  return {
    color: ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"].map(c),
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: c("ink-2") },
    axis: { axisLine: { lineStyle: { color: c("line-strong") } }, axisLabel: { color: c("ink-2"), fontSize: 12 }, axisTick: { show: false },
            splitLine: { lineStyle: { color: c("line") } }, nameTextStyle: { color: c("ink-3"), fontSize: 12 } },
    tooltip: { backgroundColor: c("surface"), borderColor: c("line"), textStyle: { color: c("ink"), fontSize: 12.5 }, confine: true },
    legend: { textStyle: { color: c("ink-2") } },
  };
};
// "@name" in an option becomes the colour variable or a function; nothing else is run
const number = (digits) => (v) => (v === null || v === undefined || Number.isNaN(+v) ? "–" : (+v).toLocaleString(window.zz.lang(), { maximumFractionDigits: digits }).replace("-", "−"));
const known = {
  "@percent": (v) => number(1)(100 * (v?.value ?? v)) + " %", "@percent0": (v) => number(0)(100 * (v?.value ?? v)) + " %",
  "@percent2": (v) => (100 * (v?.value ?? v)).toFixed(2) + " %",
  "@number": (v) => number(2)(v?.value ?? v), "@year": (v) => String(v), "@day": (v) => String(v).replace(/^\d{4}-/, ""), "@number0": (v) => number(0)(v?.value ?? v),
};
const alive = (value) => {
  if (typeof value === "string" && value[0] === "@") return known[value] || window.zz.colour(value.slice(1)) || value;
  if (Array.isArray(value)) return value.map(alive);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, alive(v)]));
  return value;
};
const errorBars = (colour) => (params, api) => {
  const low = api.coord([api.value(1), api.value(0)]), high = api.coord([api.value(2), api.value(0)]);
  const y = low[1], style = { stroke: colour, lineWidth: 1.6 };
  return { type: "group", children: [
    { type: "line", shape: { x1: low[0], y1: y, x2: high[0], y2: y }, style },
    { type: "line", shape: { x1: low[0], y1: y - 5, x2: low[0], y2: y + 5 }, style },
    { type: "line", shape: { x1: high[0], y1: y - 5, x2: high[0], y2: y + 5 }, style } ] };
};

export default {
  template: `<div class="zz-chartbox"><div class="zz-charttools" v-if="png"><button type="button" class="zz-btn small quiet" @click="save">{{ png }}</button></div>
    <div ref="plot" class="zz-chart" :style="{height: height + 'px'}" role="img" :aria-label="label"></div></div>`,
  props: { options: Object, height: Number, label: String, png: String, follow: String },
  mounted() {
    this.chart = echarts.init(this.$refs.plot, null, { renderer: "svg" });
    this.draw();
    this.sizes = new ResizeObserver(() => this.chart.resize());
    this.sizes.observe(this.$refs.plot);
    this.redraw = () => this.draw();
    window.addEventListener("zz-theme", this.redraw);
    this.chart.on("click", (event) => {
      const address = event.data?.address || (this.follow && event.name !== undefined ? this.follow.replace("{name}", encodeURIComponent(event.name)) : "");
      if (address && address.startsWith("/")) location.assign(address);
    });
  },
  beforeUnmount() { this.sizes.disconnect(); window.removeEventListener("zz-theme", this.redraw); this.chart.dispose(); },
  watch: { options() { this.draw(); } },
  methods: {
    draw() {
      const look = colours(), given = alive(JSON.parse(JSON.stringify(this.options)));
      const dress = (axis) => (Array.isArray(axis) ? axis.map(dress) : axis ? { ...look.axis, ...axis, axisLabel: { hideOverlap: axis.type === "value", ...look.axis.axisLabel, ...axis.axisLabel }, splitLine: { ...look.axis.splitLine, ...axis.splitLine } } : axis);
      for (const series of given.series || []) if (series.type === "custom" && series.renderItem === "errorBars") series.renderItem = errorBars(window.zz.colour("ink-2"));
      const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.chart.setOption({
        animation: !still, animationDuration: 250, color: look.color, textStyle: look.textStyle, ...given,
        tooltip: given.tooltip === false ? undefined : { ...look.tooltip, ...given.tooltip }, legend: given.legend ? { ...look.legend, ...given.legend } : undefined,
        xAxis: dress(given.xAxis), yAxis: dress(given.yAxis),
      }, true);
    },
    save() {
      const svg = this.$refs.plot.querySelector("svg"), box = svg.getBoundingClientRect(), image = new Image();
      const source = new XMLSerializer().serializeToString(svg);
      image.onload = () => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 2 * box.width, height: 2 * box.height }), pen = canvas.getContext("2d");
        pen.fillStyle = window.zz.colour("surface"); pen.fillRect(0, 0, canvas.width, canvas.height);
        pen.drawImage(image, 0, 0, canvas.width, canvas.height);
        const link = Object.assign(document.createElement("a"), { href: canvas.toDataURL("image/png"), download: (this.label || "chart") + ".png" });
        link.click();
      };
      image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(source);
    },
  },
};
