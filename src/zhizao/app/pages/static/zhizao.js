// What every page needs in the browser: theme, language, drawer, search, requests with their token, uploads.
(() => {
  const html = document.documentElement;
  const cookie = (name) => (document.cookie.match(new RegExp("(?:^|; )" + name + "=([^;]*)")) || [])[1] || "";
  const keep = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`; };
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const wanted = () => cookie("zhizao_theme") || "auto";
  const paint = () => {
    const on = wanted() === "dark" || (wanted() === "auto" && dark.matches);
    html.dataset.theme = on ? "dark" : "light";
    if (document.body) { document.body.classList.toggle("body--dark", on); document.body.classList.toggle("body--light", !on); }
    window.dispatchEvent(new Event("zz-theme"));
  };
  paint();
  dark.addEventListener("change", paint);
  document.addEventListener("DOMContentLoaded", paint);

  const meta = (name) => (document.querySelector(`meta[name="zz-${name}"]`) || {}).content || "";
  const zz = window.zz = {
    meta,
    lang: () => meta("lang") || "en",
    colour: (name) => getComputedStyle(html).getPropertyValue("--" + name).trim(),
    theme: (value) => { keep("zhizao_theme", value); location.reload(); },
    language: (value) => {
      keep("zhizao_lang", value);
      const url = new URL(location.href); url.searchParams.delete("lang"); location.replace(url.href);
    },
    drawer: (open) => {
      document.body.classList.toggle("zz-open", open);
      const button = document.querySelector(".zz-burger");
      if (button) button.setAttribute("aria-expanded", open ? "true" : "false");
      if (open) document.querySelector(".zz-rail a")?.focus(); else if (button) button.focus();
    },
    go: (changes) => {
      const url = new URL(location.href);
      for (const [key, value] of Object.entries(changes)) {
        if (value === null || value === "" || value === undefined) url.searchParams.delete(key); else url.searchParams.set(key, value);
      }
      location.assign(url.href);
    },
    async call(method, path, body) {
      const headers = { "x-csrf-token": meta("csrf"), "accept-language": zz.lang() };
      if (body !== undefined && !(body instanceof FormData)) { headers["content-type"] = "application/json"; body = JSON.stringify(body); }
      const answer = await fetch(path, { method, headers, body, credentials: "same-origin" });
      const said = (answer.headers.get("content-type") || "").includes("json") ? await answer.json() : {};
      if (!answer.ok) { if (answer.status === 401) location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search)); throw said; }
      return said;
    },
    tell(said, kind = "bad", where = null) {
      const box = where || document.querySelector("#zz-said");
      if (!box) return;
      box.replaceChildren();
      const banner = Object.assign(document.createElement("div"), { className: "zz-banner " + kind });
      banner.setAttribute("role", kind === "bad" ? "alert" : "status");
      const words = Object.assign(document.createElement("div"), { className: "grow" });
      words.append(Object.assign(document.createElement("b"), { textContent: [said.where, said.what].filter(Boolean).join(": ") || meta("failed") }));
      if (said.fix) words.append(Object.assign(document.createElement("p"), { textContent: said.fix }));
      if (said.faults && said.faults.length > 1) {
        const list = document.createElement("ul");
        list.style.cssText = "margin:6px 0 0;padding-left:18px;max-height:260px;overflow:auto";
        list.append(...said.faults.slice(0, 100).map((one) => Object.assign(document.createElement("li"), { textContent: [one.where, one.what].filter(Boolean).join(": ") + (one.fix ? " – " + one.fix : "") })));
        words.append(list);
      }
      banner.append(words);
      box.append(banner);
      box.scrollIntoView({ block: "nearest" });
    },
    async act(method, path, body, next) {
      try { const said = await zz.call(method, path, body); if (next) location.assign(typeof next === "function" ? next(said) : next); return said; }
      catch (error) { zz.tell(error); return null; }
    },
    upload(file, form, box) {
      const data = new FormData();
      data.append("file", file);
      const request = new XMLHttpRequest();
      request.open("POST", box.dataset.zzTo || "/api/v1/uploads");
      request.setRequestHeader("x-csrf-token", meta("csrf"));
      request.setRequestHeader("accept-language", zz.lang());
      const bar = box.querySelector(".zz-progress > i");
      box.querySelector(".zz-uploading").hidden = false;
      request.upload.onprogress = (event) => { if (event.lengthComputable) bar.style.width = (100 * event.loaded / event.total).toFixed(1) + "%"; };
      request.onload = () => {
        let said = {};
        try { said = JSON.parse(request.responseText); } catch { /* not JSON: told below */ }
        if (request.status < 300) location.assign(box.dataset.zzNext || "/import?upload=" + encodeURIComponent(said.upload));
        else { box.querySelector(".zz-uploading").hidden = true; zz.tell(said); }
      };
      request.onerror = () => { box.querySelector(".zz-uploading").hidden = true; zz.tell({ what: meta("offline") }); };
      request.send(data);
    },
    form(form) { const data = {}; for (const [key, value] of new FormData(form)) data[key] = key in data ? [].concat(data[key], value) : value; return data; },
  };

  // the search over everything
  let palette, waiting;
  const find = async (text) => {
    const list = palette.querySelector("ul"), none = palette.querySelector("p");
    const found = await zz.call("GET", "/api/v1/search?q=" + encodeURIComponent(text)).catch(() => ({ rows: [] }));
    if (palette.querySelector("input").value !== text) return;
    list.replaceChildren(...found.rows.map((row, at) => {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = row.address; link.textContent = row.name; if (at === 0) link.className = "on";
      link.append(Object.assign(document.createElement("small"), { textContent: row.kind }));
      item.append(link); return item;
    }));
    none.hidden = found.rows.length > 0;
  };
  zz.search = () => {
    if (!palette) {
      palette = Object.assign(document.createElement("dialog"), { className: "zz-palette" });
      palette.setAttribute("aria-label", meta("search"));
      palette.innerHTML = '<input type="search" autocomplete="off" spellcheck="false"><ul></ul><p hidden></p>';
      palette.querySelector("input").placeholder = meta("search");
      palette.querySelector("input").setAttribute("aria-label", meta("search"));
      palette.querySelector("p").textContent = meta("nothing");
      document.body.append(palette);
      palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
      palette.querySelector("input").addEventListener("input", (event) => { clearTimeout(waiting); waiting = setTimeout(() => find(event.target.value), 120); });
      palette.addEventListener("keydown", (event) => {
        const links = [...palette.querySelectorAll("li a")], at = links.findIndex((a) => a.classList.contains("on"));
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
          event.preventDefault();
          const next = links[(at + (event.key === "ArrowDown" ? 1 : links.length - 1)) % links.length];
          if (next) { links[at]?.classList.remove("on"); next.classList.add("on"); next.scrollIntoView({ block: "nearest" }); }
        }
        if (event.key === "Escape") { event.preventDefault(); palette.close(); }
        if (event.key === "Enter" && links[at]) { event.preventDefault(); location.assign(links[at].href); }
      });
    }
    palette.querySelector("input").value = "";
    palette.showModal();
    find("");
  };
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); zz.search(); }
    if (event.key === "Escape") {
      if (document.body.classList.contains("zz-open")) zz.drawer(false);
      document.querySelectorAll("details.zz-menu[open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
    }
  });
  // tables that are whole on the page: sort by a heading, find a word, take away what is shown
  const seconds = { s: 1, "秒": 1, min: 60, "分钟": 60, h: 3600, "小时": 3600, d: 86400, "天": 86400 };
  const table = {
    words(cell) {
      const chosen = cell.querySelector("select");
      return (chosen ? chosen.selectedOptions[0]?.textContent || "" : cell.innerText || cell.textContent).replace(/\s+/g, " ").trim();
    },
    value(text) {
      const found = text.replace(/\u2212/g, "-").match(/^[^\d-]*(-?[\d,]*\.?\d+)\s*(\S*)/);
      return found ? parseFloat(found[1].replaceAll(",", "")) * (seconds[found[2]] || 1) : NaN;
    },
    sort(from, at, way) {
      const wrap = from.closest(".zz-tablewrap"), heads = [...wrap.querySelectorAll("thead th")], head = heads[at];
      way ||= head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      for (const one of heads) one.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", way);
      const body = wrap.querySelector("tbody"), rows = [...body.rows], last = rows.filter((row) => row.classList.contains("total"));
      const number = head.classList.contains("r"), sign = way === "ascending" ? 1 : -1;
      const keyed = rows.filter((row) => !row.classList.contains("total")).map((row) => { const words = table.words(row.cells[at]); return { row, words, value: number ? table.value(words) : 0 }; });
      keyed.sort((a, b) => {
        if (number) return Number.isNaN(a.value) - Number.isNaN(b.value) || sign * (a.value - b.value) || 0; // nothing known stays last
        return sign * a.words.localeCompare(b.words, zz.lang(), { numeric: true });
      });
      body.append(...keyed.map((one) => one.row), ...last);
    },
    find(from) {
      const wrap = from.closest(".zz-tablewrap"), count = wrap.querySelector(".count"), text = from.value.trim().toLowerCase();
      let shown = 0;
      for (const row of wrap.querySelectorAll("tbody tr:not(.total)")) {
        row.hidden = text !== "" && ![...row.cells].some((cell) => table.words(cell).toLowerCase().includes(text));
        if (!row.hidden) shown += 1;
      }
      count.textContent = text ? count.dataset.of.replace("{n}", shown) : count.dataset.all;
      wrap.querySelector(".none").hidden = shown > 0;
    },
    async take(from, way) {
      const wrap = from.closest(".zz-tablewrap");
      const head = [...wrap.querySelectorAll("thead th")].map((one) => (one.querySelector("button")?.firstChild || one).textContent.trim());
      const rows = [...wrap.querySelectorAll("tbody tr")].filter((row) => !row.hidden).map((row) => [...row.cells].map(table.words));
      const title = wrap.closest("section, details, .zz-card")?.querySelector("h2, summary")?.textContent.trim() || document.querySelector("h1")?.textContent.trim() || "zhizao";
      let data;
      if (way === "csv") {
        const cell = (text) => { const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? "'" + text : text; return /[",\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe; };
        data = new Blob(["\ufeff" + [head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n"], { type: "text/csv" });
      } else {
        const headers = { "x-csrf-token": meta("csrf"), "accept-language": zz.lang(), "content-type": "application/json" };
        const answer = await fetch("/api/v1/sheets", { method: "POST", headers, credentials: "same-origin", body: JSON.stringify({ title, head, rows }) });
        if (!answer.ok) { zz.tell(await answer.json().catch(() => ({}))); return; }
        data = await answer.blob();
      }
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(data), download: title.replace(/[\\/:*?"<>|]+/g, " ").slice(0, 80).trim() + "." + way });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    },
  };
  document.addEventListener("click", (event) => {
    const by = event.target.closest("button[data-zz-by]"), take = event.target.closest("[data-zz-take]");
    if (by) table.sort(by, +by.dataset.zzBy);
    if (take) table.take(take, take.dataset.zzTake);
  });
  // what is clicked says so in data-zz, so that pages carry no inline handlers of their own
  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.zz-menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
    const link = event.target.closest("[data-zz]");
    if (!link) return;
    const [verb, value] = link.dataset.zz.split(/:(.*)/s);
    if (verb === "theme") zz.theme(value);
    else if (verb === "lang") zz.language(value);
    else if (verb === "search") zz.search();
    else if (verb === "drawer") zz.drawer(value === "open");
    else if (verb === "print") window.print();
    else if (verb === "call") {
      event.preventDefault();
      const { method, path, body, next, sure } = JSON.parse(value);
      if (sure && !window.confirm(sure)) return;
      link.setAttribute("aria-disabled", "true");
      zz.act(method, path, body, next).then((said) => { if (!said) link.removeAttribute("aria-disabled"); else if (!next) location.reload(); });
    }
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.zzGo !== undefined) { event.preventDefault(); zz.go(zz.form(form)); }
    else if (form.dataset.zzPick) { event.preventDefault(); zz.go({ [form.dataset.zzPick]: [...form.querySelectorAll("input:checked")].map((one) => one.dataset.indicator).join(",") }); }
    else if (form.dataset.zzCall) {
      event.preventDefault();
      const { method, path, next } = JSON.parse(form.dataset.zzCall);
      const files = form.querySelector("input[type=file]");
      const filled = files ? new FormData(form) : Object.fromEntries(Object.entries(zz.form(form)).filter(([, value]) => value !== ""));
      zz.act(method, path, filled, next).then((said) => { if (said && said.secret) { form.hidden = true; zz.tell({ what: said.secret, fix: said.hint }, "good"); } else if (said && said.said) zz.tell({ what: said.said, fix: said.hint }, "good"); else if (said && !next) location.reload(); });
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-zz-find]")) return;
    if (event.target.matches("select[data-zz-by]")) { if (event.target.value !== "") table.sort(event.target, +event.target.value, "ascending"); return; }
    if (event.target.matches(".zz-drop input[type=file]")) { const file = event.target.files[0]; if (file) zz.upload(file, null, event.target.closest(".zz-upload")); }
    const auto = event.target.closest?.("form[data-zz-auto]");
    if (auto) { const { method, path } = JSON.parse(auto.dataset.zzCall); zz.act(method, path, zz.form(auto)).then((said) => { if (said) location.reload(); }); }
    if (event.target.matches("select[data-zz-go], input[data-zz-go]")) zz.go({ [event.target.name]: event.target.value, page: null });
  });
  document.addEventListener("input", (event) => { if (event.target.matches("[data-zz-find]")) table.find(event.target); });
  for (const kind of ["dragover", "dragleave", "drop"]) document.addEventListener(kind, (event) => {
    const drop = event.target.closest?.(".zz-drop");
    if (kind === "dragover" || kind === "drop") event.preventDefault();
    if (!drop) return;
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) zz.upload(event.dataTransfer.files[0], null, drop.closest(".zz-upload"));
  });
})();
