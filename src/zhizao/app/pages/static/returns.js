// The form of a return in the browser: numbers as they are typed, checks while typing, what was typed kept in this tab,
// and each step of a return with its question. What a page shows comes from the server; nothing is decided here.
(() => {
  const form = () => document.querySelector("#zr-form");
  const setting = () => { const f = form(); return f ? (f.zr ||= JSON.parse(f.dataset.zr)) : null; };
  const make = (tag, words, more = {}) => Object.assign(document.createElement(tag), { textContent: words, ...more });
  const fill = (words, values) => words.replace(/{(\w+)}/g, (_, key) => values[key] ?? "");
  const number = (text) => {
    const plain = text.normalize("NFKC").replace(/[,\s\u2212]/g, (c) => (c === "\u2212" ? "-" : ""));
    if (plain === "") return null;
    return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
  };
  const shown = (value) => value.toLocaleString(window.zz.lang(), { maximumSignificantDigits: 10 });

  const read = () => {
    const values = {}, notes = {}, unreadable = [];
    for (const input of form().querySelectorAll(".zr-value")) {
      const value = number(input.value);
      values[input.name] = Number.isFinite(value) ? value : null;
      if (value !== null && !Number.isFinite(value)) unreadable.push(input.name);
    }
    for (const input of form().querySelectorAll(".zr-note")) if (input.value.trim()) notes[input.name.slice(5)] = input.value.trim();
    return { values, notes, unreadable };
  };

  const jump = (key) => {
    const line = document.querySelector("#l-" + key);
    line?.scrollIntoView({ block: "center" });
    line?.querySelector("input")?.focus();
  };
  const go = (key, name) => { const b = make("button", name, { type: "button", className: "zr-go" }); b.addEventListener("click", () => jump(key)); return b; };

  let waiting, asked = 0;
  const check = async () => {
    const s = setting();
    if (!s || !s.writes) return null;
    const mine = ++asked, draft = read();
    let found;
    try { found = await window.zz.call("POST", `${s.path}/check?lang=${s.lang}`, { values: draft.values, notes: draft.notes }); }
    catch { if (mine === asked) document.querySelector("#zr-verdict")?.replaceChildren(make("p", s.words.failed, { className: "zz-note" })); return null; }
    if (mine !== asked || !form()) return null;
    found.unreadable = draft.unreadable;
    found.faults = found.faults.filter((one) => !draft.unreadable.includes(one.line));
    paint(found);
    return found;
  };
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(check, 350); };

  const paint = (found) => {
    const s = setting(), w = s.words, box = document.querySelector("#zr-verdict");
    for (const line of form().querySelectorAll(".zr-line")) { line.classList.remove("bad", "warn"); const at = line.querySelector(".zr-check"); at.replaceChildren(); at.classList.remove("bad"); }
    const tell = (key, words, kind) => {
      const line = document.querySelector("#l-" + key);
      if (!line) return null;
      if (kind === "bad" || !line.classList.contains("bad")) { line.classList.remove("warn"); line.classList.add(kind); }
      const at = line.querySelector(".zr-check"), p = make("p", (kind === "bad" ? "■ " : "▲ ") + words);
      if (kind === "bad") at.classList.add("bad");
      at.append(p);
      return p;
    };
    for (const key of found.unreadable) tell(key, w.number, "bad");
    for (const one of found.faults) tell(one.line, w["bad_" + one.code] || one.what, "bad");
    for (const one of found.failed) for (const key of one.lines) tell(key, one.said, one.hard ? "bad" : "warn");
    for (const [key, value] of Object.entries(found.suspected)) {
      const p = tell(key, fill(value === null ? w.nosuggest : w.suggest, { name: s.names[key], value: value === null ? "" : shown(value) }), "warn");
      if (p && value !== null) { const b = make("button", w.use, { type: "button", className: "zz-btn small" }); b.addEventListener("click", () => put(key, value)); p.append(" ", b); }
    }
    const parts = [];
    const group = (words, ones, kind) => {
      if (!ones.length) return;
      const list = document.createElement("ul");
      for (const one of ones) {
        const item = document.createElement("li");
        item.append(`${one.said} (${one.rule}): `, ...one.lines.flatMap((key, at) => [at ? ", " : "", go(key, s.names[key])]), one.explained ? ` · ${w.explained}` : ` · ${w.note}`);
        list.append(item);
      }
      parts.push(make("h3", `${kind === "bad" ? "■" : "▲"} ${fill(words, { n: ones.length })}`), list);
    };
    group(w.hard, found.failed.filter((one) => one.hard), "bad");
    group(w.soft, found.failed.filter((one) => !one.hard), "warn");
    const suspects = Object.keys(found.suspected);
    if (suspects.length && found.failed.some((one) => one.hard)) {
      const p = make("p", w.suspect + ": "); p.append(...suspects.flatMap((key, at) => [at ? ", " : "", go(key, s.names[key])])); parts.push(p);
    }
    if (found.blank.length) {
      const p = make("p", `○ ${fill(w.blank, { n: found.blank.length })}: `); p.append(...found.blank.flatMap((key, at) => [at ? ", " : "", go(key, s.names[key])])); parts.push(p);
    }
    if (!parts.length && !found.unreadable.length && !found.faults.length) parts.push(make("p", "● " + w.good));
    box.replaceChildren(...parts);
    form().dataset.checked = String(asked);
  };

  const put = (key, value) => { const input = document.querySelector("#v-" + key); input.value = String(value); keep(); input.focus(); soon(); };
  const keep = () => {
    const s = setting();
    if (!s?.keep) return;
    const typed = Object.fromEntries([...form().querySelectorAll(".zr-value, .zr-note")].filter((i) => i.value !== i.defaultValue).map((i) => [i.name, i.value]));
    try { Object.keys(typed).length ? sessionStorage.setItem(s.keep, JSON.stringify(typed)) : sessionStorage.removeItem(s.keep); } catch { /* a tab without storage keeps nothing */ }
  };
  const begin = () => {
    const s = setting();
    if (!s.writes) return;
    let typed = {};
    try { typed = JSON.parse(sessionStorage.getItem(s.keep) || "{}"); } catch { /* not ours: begin anew */ }
    for (const [name, value] of Object.entries(typed)) { const input = form().elements[name]; if (input) input.value = value; }
    if (Object.keys(typed).length) form().querySelector(".zr-kept").hidden = false;
    check();
  };

  const told = (error) => {
    const s = setting(), w = s.words, box = document.querySelector("#zr-told");
    window.zz.tell(worded(error, w), "bad", box);
    if (error.faults) box.append(table(error.faults, w, s));
  };
  // refusals that have words in the language of the page are told in these
  const worded = (error, w) => (w["err_" + error.code] ? { what: w["err_" + error.code] } : error);
  const table = (faults, w, s) => {
    const rows = faults.map((one) => {
      const row = document.createElement("tr");
      row.append(...[[one.where, w.wrong_cell], [s.lang === "zh" ? w["bad_" + one.code] || one.what : one.what, w.wrong_what], [one.fix, w.wrong_fix]].map(([words, label]) => {
        const cell = document.createElement("td"); cell.dataset.label = label; cell.append(make("div", s.names[words] || words)); return cell;
      }));
      return row;
    });
    const made = document.createElement("table"), head = document.createElement("thead"), body = document.createElement("tbody"), top = document.createElement("tr");
    made.className = "zz-table"; top.append(...["wrong_cell", "wrong_what", "wrong_fix"].map((key) => make("th", w[key]))); head.append(top); body.append(...rows); made.append(head, body);
    return made;
  };

  const send = async (step, button) => {
    const s = setting(), w = s.words, reason = (form().elements.reason?.value || "").trim();
    const body = { reason, expect: s.expect };
    let sure = w["sure_" + step];
    document.querySelector("#zr-told").replaceChildren();
    if (step === "submit" || step === "correct") {
      const found = await check(), draft = read();
      const open = found ? found.failed.filter((one) => !one.explained).flatMap((one) => one.lines) : [];
      const stopped = found ? [...found.unreadable, ...found.faults.map((one) => one.line), ...found.blank, ...open] : draft.unreadable;
      if (stopped.length) { window.zz.tell({ what: w.stop, fix: [...new Set(stopped)].map((key) => s.names[key] || key).join(", ") }, "bad", document.querySelector("#zr-told")); jump(stopped[0]); return; }
      const hard = found ? found.failed.filter((one) => one.hard).length : 0;
      if (hard) sure = fill(w.surehard, { n: hard });
      Object.assign(body, { values: draft.values, notes: draft.notes });
    }
    if (step === "refuse") {
      body.lines = Object.fromEntries([...form().querySelectorAll(".zr-why")].filter((i) => i.value.trim()).map((i) => [i.name.slice(4), i.value.trim()]));
    }
    const needs = step === "correct" || step === "reopen" || (step === "refuse" && !Object.keys(body.lines).length);
    if (needs && !reason) { window.zz.tell({ what: w.reason }, "bad", document.querySelector("#zr-told")); form().elements.reason?.focus(); return; }
    if (!window.confirm(sure)) return;
    button.setAttribute("aria-disabled", "true"); button.disabled = true;
    try {
      await window.zz.call("POST", `${s.path}/${step}`, body);
      if (s.keep) sessionStorage.removeItem(s.keep);
      location.assign(s.next);
    } catch (error) { button.removeAttribute("aria-disabled"); button.disabled = false; told(error); }
  };

  const upload = async (target) => {
    const s = setting(), box = target.querySelector("#zr-faults"), data = new FormData(target);
    if (!window.confirm(s.words["sure_" + s.writes])) return;
    data.append("expect", s.expect);
    try { await window.zz.call("POST", `${s.path}/form?lang=${s.lang}`, data); if (s.keep) sessionStorage.removeItem(s.keep); location.assign(s.next); }
    catch (error) { window.zz.tell(worded(error, s.words), "bad", box); if (error.faults) box.append(table(error.faults, s.words, s)); }
  };

  document.addEventListener("input", (event) => { if (event.target.closest?.("#zr-form.zr-edit")) { keep(); soon(); } });
  document.addEventListener("submit", (event) => {
    if (event.target.id === "zr-form") { event.preventDefault(); }
    if (event.target.id === "zr-upload") { event.preventDefault(); upload(event.target); }
  });
  document.addEventListener("keydown", (event) => {
    // Enter goes to the next value, as in a sheet; it does not submit
    if (event.key !== "Enter" || !event.target.matches?.(".zr-value, .zr-note, .zr-why")) return;
    event.preventDefault();
    const kind = [...event.target.classList].find((one) => one.startsWith("zr-"));
    const all = [...form().querySelectorAll("." + kind)], at = all.indexOf(event.target);
    all[at + (event.shiftKey ? -1 : 1)]?.focus();
  });
  document.addEventListener("click", (event) => {
    const take = event.target.closest?.("[data-zr-take]");
    if (take) { put(take.dataset.zrTake, take.dataset.value); return; }
    const button = event.target.closest?.("[data-zr-do]");
    if (!button || button.disabled) return;
    event.preventDefault();
    if (button.dataset.zrDo === "drop") { const s = setting(); sessionStorage.removeItem(s.keep); location.reload(); return; }
    send(button.dataset.zrDo, button);
  });
  // the form comes when the server has worked it out
  let seen = null;
  const look = () => { const f = form(); if (f && f !== seen) { seen = f; begin(); if (location.hash.startsWith("#l-")) document.getElementById(location.hash.slice(1))?.scrollIntoView({ block: "center" }); } };
  new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
  look();
})();
