// A long table: rows come in slices from /api/v1/tables, sorted and filtered there; the whole of it goes to Excel or CSV.
import * as AgGrid from "nicegui-aggrid";

const dash = "–";
const time = (zone) => {
  const form = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
  return (value) => (value ? form.format(new Date(value)) : dash);
};
const digits = (value, n) => {
  if (value === null || value === undefined) return dash;
  const size = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return value.toLocaleString(window.zz.lang(), { minimumFractionDigits: Math.max(0, Math.min(3, n - 1 - size)), maximumFractionDigits: Math.max(0, Math.min(3, n - 1 - size)) });
};

const text = (words) => { let w = 0; for (const letter of words) w += letter.charCodeAt(0) > 255 ? 14 : 7.6; return w; };

export default {
  template: `<div class="zz-gridbox"><div class="zz-gridbar"><span class="count" role="status">{{ counted }}</span>
    <input type="search" class="zz-input" :placeholder="words.find" :aria-label="words.find" v-model="find" @input="soon">
    <button type="button" class="zz-btn small" v-if="filtered" @click="clear">{{ words.clear }}</button>
    <details class="zz-menu" ref="picker"><summary class="zz-btn small" role="button">{{ words.columns }}</summary><div class="zz-pop" style="max-height:340px;overflow:auto">
      <label v-for="c in columns" :key="c.key" class="zz-check" style="padding:4px 8px"><input type="checkbox" :checked="shown[c.key]" @change="pick(c.key, $event.target.checked)">{{ c.heading }}</label></div></details>
    <button type="button" class="zz-btn small" @click="save('xlsx')">{{ words.excel }}</button><button type="button" class="zz-btn small" @click="save('csv')">{{ words.csv }}</button></div>
    <div ref="body" class="zz-gridbody" :style="{height: height + 'px'}"></div></div>`,
  props: { name: String, columns: Array, query: Object, words: Object, locale: Object, height: Number, zone: String, start: Array },
  data() { return { find: "", total: 0, of: 0, filtered: false, counted: this.words.loading, shown: Object.fromEntries(this.columns.map((c) => [c.key, !c.hidden])) }; },
  mounted() {
    AgGrid.ModuleRegistry.registerModules([AgGrid.AllCommunityModule]);
    const at = time(this.zone), narrow = window.innerWidth < 700;
    const defs = this.columns.map((c) => {
      const isNumber = !["text", "time", "flag"].includes(c.kind);
      const def = { field: c.key, colId: c.key, headerName: c.heading, hide: c.hidden, sortable: true, resizable: true, tooltipField: c.kind === "text" ? c.key : undefined,
        minWidth: Math.round(Math.max((c.kind === "time" ? 142 : isNumber ? 78 : 96) * Math.max(1, c.width * 0.8), 38 + text(c.heading))), flex: narrow ? undefined : c.width, width: Math.round(120 * c.width),
        filter: c.kind === "time" ? "agDateColumnFilter" : isNumber ? "agNumberColumnFilter" : "agTextColumnFilter", filterParams: { maxNumConditions: 2, buttons: ["reset"] } };
      if (isNumber) { def.cellClass = "num ag-right-aligned-cell"; def.headerClass = "ag-right-aligned-header"; }
      const sorted = (this.start || []).findIndex((s) => s.colId === c.key);
      if (sorted >= 0) { def.sort = this.start[sorted].sort; def.sortIndex = sorted; }
      if (c.kind === "time") def.valueFormatter = (p) => (p.data ? at(p.value) : "");
      else if (c.kind === "count") def.valueFormatter = (p) => (p.value === null || p.value === undefined ? (p.data ? dash : "") : p.value.toLocaleString(window.zz.lang(), { maximumFractionDigits: 0 }));
      else if (c.kind === "percent") def.valueFormatter = (p) => (p.data ? (p.value === null ? dash : digits(100 * p.value, c.digits)) : "");
      else if (isNumber) def.valueFormatter = (p) => (p.data ? digits(p.value, c.digits) : "");
      else if (c.kind === "flag") def.valueFormatter = (p) => (p.value === null || p.value === undefined ? "" : p.value ? this.words.yes : this.words.no);
      else if (c.words) def.valueFormatter = (p) => (p.value === null || p.value === undefined ? "" : c.words[p.value] || p.value);
      if (c.link) def.cellRenderer = (p) => {
        if (p.value === null || p.value === undefined) return "";
        const address = c.link.replace(/{(\w+)}/g, (_, key) => encodeURIComponent(key === "value" ? p.value : p.data[key]));
        const link = document.createElement("a"); link.href = address; link.textContent = p.valueFormatted ?? p.value; return link;
      };
      return def;
    });
    const options = {
      columnDefs: defs, rowModelType: "infinite", cacheBlockSize: 200, maxBlocksInCache: 20, maxConcurrentDatasourceRequests: 2, blockLoadDebounceMillis: 60,
      theme: AgGrid.themeQuartz.withPart(AgGrid.colorSchemeVariable).withParams({ fontFamily: "inherit", fontSize: 13.5, rowHeight: window.innerWidth < 900 ? 44 : 34, headerHeight: window.innerWidth < 900 ? 44 : 38,
        backgroundColor: "var(--surface)", foregroundColor: "var(--ink)", headerBackgroundColor: "var(--surface)", headerTextColor: "var(--ink-2)", borderColor: "var(--line)", accentColor: "var(--accent)", rowHoverColor: "var(--sunken)", headerFontWeight: 550, wrapperBorder: false }),
      localeText: this.locale, enableCellTextSelection: true, ensureDomOrder: true, tooltipShowDelay: 500, suppressMovableColumns: false, multiSortKey: "ctrl",
      pagination: true, paginationPageSize: 100, paginationPageSizeSelector: narrow ? false : [50, 100, 500],
      onFilterChanged: () => { this.filtered = this.isFiltered(); },
      datasource: { getRows: (p) => this.fetch(p) },
    };
    this.grid = AgGrid.createGrid(this.$refs.body, options);
    const mode = () => this.$refs.body?.setAttribute("data-ag-theme-mode", document.documentElement.dataset.theme || "light");
    mode(); this.mode = mode; window.addEventListener("zz-theme", mode);
  },
  beforeUnmount() { window.removeEventListener("zz-theme", this.mode); this.grid?.destroy(); },
  methods: {
    isFiltered() { return !!this.find || Object.keys(this.grid.getFilterModel() || {}).length > 0; },
    asked(sort, filter) {
      const q = new URLSearchParams(this.query);
      if (sort && sort.length) q.set("sort", JSON.stringify(sort));
      if (filter && Object.keys(filter).length) q.set("filter", JSON.stringify(filter));
      if (this.find) q.set("find", this.find);
      return q;
    },
    async fetch(p) {
      const q = this.asked(p.sortModel, p.filterModel);
      q.set("offset", p.startRow); q.set("limit", p.endRow - p.startRow);
      try {
        const found = await window.zz.call("GET", `/api/v1/tables/${this.name}?${q}`);
        this.total = found.total; this.of = found.of;
        const n = (v) => v.toLocaleString(window.zz.lang());
        this.counted = found.total === found.of ? this.words.rows.replace("{n}", n(found.total)) : this.words.rows_of.replace("{n}", n(found.total)).replace("{total}", n(found.of));
        p.successCallback(found.rows, found.total);
        if (!found.total) this.grid.showNoRowsOverlay(); else this.grid.hideOverlay();
      } catch (error) { p.failCallback(); this.counted = error.what || "!"; }
    },
    soon() { clearTimeout(this.timer); this.timer = setTimeout(() => { this.filtered = this.isFiltered(); this.grid.purgeInfiniteCache(); }, 180); },
    clear() { this.find = ""; this.grid.setFilterModel(null); this.filtered = false; this.grid.purgeInfiniteCache(); },
    pick(key, on) { this.shown[key] = on; this.grid.setColumnsVisible([key], on); },
    save(format) {
      const sort = this.grid.getColumnState().filter((c) => c.sort).sort((a, b) => a.sortIndex - b.sortIndex).map((c) => ({ colId: c.colId, sort: c.sort }));
      const q = this.asked(sort, this.grid.getFilterModel());
      q.set("format", format); q.set("lang", window.zz.lang());
      q.set("columns", this.grid.getAllDisplayedColumns().map((c) => c.getColId()).join(","));
      location.assign(`/api/v1/tables/${this.name}/export?${q}`);
    },
  },
};
