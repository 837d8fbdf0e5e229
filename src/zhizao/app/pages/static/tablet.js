// The operator's tablet: shows one machine, keeps acts in IndexedDB until the server has them, in their order, once each.
(() => {
  const set = JSON.parse(document.getElementById("zz").textContent), main = document.getElementById("tablet");
  const cookie = (document.cookie.match(/(?:^|; )zhizao_lang=(en|zh)/) || [])[1];
  const lang = cookie || set.lang, words = set.words[lang];
  const t = (key, values = {}) => (words[key] || key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en"; document.title = t("tablet.title") + " · zhizao";
  let machine = new URL(location.href).searchParams.get("machine"), seen = null, online = false, signedOut = false, drawn = "", csrf = set.csrf;

  // what must outlive a reload: acts, and what was last seen of each machine
  const opened = new Promise((done, failed) => {
    const asked = indexedDB.open("zhizao-tablet", 1);
    asked.onupgradeneeded = () => { asked.result.createObjectStore("acts", { keyPath: "number", autoIncrement: true }); asked.result.createObjectStore("seen"); };
    asked.onsuccess = () => done(asked.result); asked.onerror = () => failed(asked.error);
  });
  const store = async (name, mode, use) => {
    const base = await opened;
    return new Promise((done, failed) => {
      const deal = base.transaction(name, mode), asked = use(deal.objectStore(name));
      deal.oncomplete = () => done(asked && asked.result); deal.onerror = deal.onabort = () => failed(deal.error);
    });
  };
  const queue = () => store("acts", "readonly", (one) => one.getAll());
  const key = () => crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");

  const act = async (said) => {
    await store("acts", "readwrite", (one) => one.add({ act: { key: key(), at: new Date().toISOString(), by: set.person, machine, ...said }, state: "waits" }));
    await draw(true); send();
  };
  let sending = false, once = false;
  const send = async () => {
    if (sending) { once = true; return; }
    sending = true;
    try {
      for (;;) {
        const waits = (await queue()).filter((one) => one.state === "waits").slice(0, 50);
        if (!waits.length) break;
        const answer = await fetch("/api/v1/live/acts", { method: "POST", credentials: "same-origin", headers: { "content-type": "application/json", "x-csrf-token": csrf, "accept-language": lang }, body: JSON.stringify({ acts: waits.map((one) => one.act) }) });
        if (answer.status === 401 || answer.status === 403) { if (answer.status === 403 && await renewed()) continue; signedOut = true; break; }
        if (answer.status === 422 && waits.length > 0) { await put(waits[0], await answer.json()); continue; } // one that cannot be read must not hold up the others
        if (!answer.ok) break;
        signedOut = false;
        const found = await answer.json();
        for (const [at, one] of found.entries()) {
          if (one.state === "done" || one.state === "twice") await store("acts", "readwrite", (all) => all.delete(waits[at].number));
          else await put(waits[at], one);
        }
      }
    } catch { online = false; }
    sending = false;
    await draw(true);
    if (once) { once = false; send(); }
  };
  const put = (one, said) => store("acts", "readwrite", (all) => all.put({ ...one, state: said.state || "refused", told: [said.what, said.fix].filter(Boolean).join(" – ") }));
  const renewed = async () => { // a new session has another token for changes
    const answer = await fetch("/api/v1/session", { credentials: "same-origin" });
    if (!answer.ok) return false;
    const said = await answer.json(), fresh = said.csrf && said.csrf !== csrf;
    csrf = said.csrf || csrf; return Boolean(fresh);
  };

  const look = async () => {
    try {
      const answer = await fetch("/api/v1/live/tablet" + (machine ? "?machine=" + encodeURIComponent(machine) : ""), { credentials: "same-origin", headers: { "accept-language": lang } });
      const said = await answer.json();
      online = true;
      if (answer.ok) { seen = said; signedOut = false; await store("seen", "readwrite", (one) => one.put(said, machine || "")); if ((await queue()).some((one) => one.state === "waits")) send(); }
      else if (answer.status === 401) signedOut = true;
      else seen = { fault: [said.what, said.fix].filter(Boolean).join(" – "), machines: seen?.machines || [], reasons: [] };
    } catch { online = false; seen ||= await store("seen", "readonly", (one) => one.get(machine || "")) || null; }
    await draw();
  };

  const el = (name, props = {}, ...inside) => {
    const made = document.createElement(name);
    for (const [prop, value] of Object.entries(props)) if (prop.startsWith("on")) made.addEventListener(prop.slice(2), value); else if (prop in made && prop !== "list") made[prop] = value; else made.setAttribute(prop, value);
    made.append(...inside.filter((one) => one !== null && one !== undefined)); return made;
  };
  const clock = (time) => new Intl.DateTimeFormat(lang === "zh" ? "zh-CN" : "en-GB", { timeZone: set.zone, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false }).format(new Date(time));
  const length = (seconds) => seconds < 90 ? Math.round(seconds) + " s" : Math.round(seconds / 60) + " " + t("tablet.min");
  const state = (name) => el("span", { className: "state " + name }, t("floor.state." + name));
  const reason = (key) => { const found = (seen?.reasons || []).find((one) => one.reason === key); return found ? found[lang] : key; };
  const near = (a, b) => Math.abs(new Date(a) - new Date(b)) < 5;
  const line = (one) => t("tablet.kind." + one.kind, { ...one, begin: one.begin ? clock(one.begin) : "", reason: one.reason ? reason(one.reason) : "" });

  const draw = async (always = false) => {
    const acts = await queue();
    const now = JSON.stringify([machine, seen && { ...seen, at: online ? 0 : seen.at }, acts, online, signedOut]);
    // what is open or being written stays while only the machine goes on
    if (!always && (now === drawn || main.querySelector("details[open],[data-scan]") || main.contains(document.activeElement) && document.activeElement.tagName === "INPUT")) { status(acts); return; }
    drawn = now;
    const kept = [...main.querySelectorAll("input")].map((one) => [one.name, one.value]);
    main.replaceChildren(el("div", { id: "status" }), ...(machine ? one(acts) : list()));
    for (const [name, value] of kept) { const there = main.querySelector(`input[name="${name}"]`); if (there && !there.dataset.cleared) there.value = value; }
    status(acts);
  };
  const status = (acts) => {
    const box = document.getElementById("status"), waits = acts.filter((one) => one.state === "waits").length;
    if (!box) return;
    const told = [];
    if (!online) told.push(t("tablet.off") + (seen?.at ? " · " + t("tablet.as_of", { time: clock(seen.at) }) : ""));
    if (waits) told.push(t("tablet.waiting", { n: waits }));
    box.className = told.length || signedOut ? "card told" : ""; box.dataset.waiting = waits; box.dataset.online = online;
    box.setAttribute("role", "status");
    box.replaceChildren(...told.map((words) => el("p", {}, words)), ...(signedOut ? [el("p", {}, el("a", { className: "button", href: "/login?next=" + encodeURIComponent(location.pathname + location.search) }, t("tablet.signin")))] : []));
  };
  const go = (name) => { machine = name; seen = null; drawn = ""; history.pushState(null, "", "/tablet" + (name ? "?machine=" + encodeURIComponent(name) : "")); main.querySelectorAll("input").forEach((one) => { one.value = ""; }); look(); };
  window.addEventListener("popstate", () => { machine = new URL(location.href).searchParams.get("machine"); seen = null; drawn = ""; look(); });

  const list = () => {
    const field = el("input", { name: "machine", "aria-label": t("tablet.type"), placeholder: t("tablet.type"), autocomplete: "off" });
    const form = el("form", { className: "row", onsubmit: (event) => { event.preventDefault(); if (field.value.trim()) go(field.value.trim()); } }, el("label", {}, field), el("button", {}, t("tablet.open")));
    const tiles = (seen?.machines || []).map((one) => el("button", { className: "tile", onclick: () => go(one.machine) }, el("b", {}, one.machine), state(one.state)));
    return [el("h1", {}, t("tablet.choose")), el("div", { className: "card" }, el("button", { className: "primary", style: "width:100%;margin-bottom:10px", onclick: scan }, t("tablet.scan")), form),
      seen?.fault ? el("div", { className: "card told bad" }, seen.fault) : null, el("div", { className: "grid" }, ...tiles), el("a", { className: "button", href: "/live" }, t("tablet.live"))].filter(Boolean);
  };
  const scan = async (event) => {
    const box = event.target.parentElement;
    if (!("BarcodeDetector" in window) || !navigator.mediaDevices) { if (!box.querySelector(".noscan")) box.append(el("p", { className: "noscan dim", style: "margin-top:10px" }, t("tablet.noscan"))); return; }
    const film = el("video", { muted: true, playsInline: true, "data-scan": "" }), stop = el("button", {}, t("tablet.stopscan"));
    let going = true, stream = null;
    const end = () => { going = false; stream?.getTracks().forEach((one) => one.stop()); film.remove(); stop.remove(); };
    stop.addEventListener("click", end); box.append(film, stop);
    try { stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }); film.srcObject = stream; await film.play(); }
    catch { end(); box.append(el("p", { className: "noscan dim" }, t("tablet.noscan"))); return; }
    const reader = new BarcodeDetector({ formats: ["qr_code"] });
    while (going) {
      for (const one of await reader.detect(film).catch(() => [])) {
        let name = one.rawValue;
        try { name = new URL(one.rawValue).searchParams.get("machine") || ""; } catch { /* a bare name */ }
        if (name) { end(); go(name); return; }
      }
      await new Promise((done) => setTimeout(done, 150));
    }
  };

  const one = (acts) => {
    const it = seen?.machine, top = el("div", { className: "row apart" }, el("h1", {}, machine), el("button", { onclick: () => go(null) }, t("tablet.other")));
    const wrong = acts.filter((item) => item.state !== "waits").map((item) => el("div", { className: "card told bad", "data-told": item.state }, el("b", {}, t("tablet.wrong") + ": " + item.act.machine + " · " + line(item.act)), el("p", {}, item.told || ""),
      el("div", { className: "row", style: "margin-top:10px" }, item.state === "conflict" ? el("button", { className: "primary", onclick: () => again(item) }, t("tablet.anyway")) : null, el("button", { onclick: () => drop(item) }, t("tablet.drop")))));
    if (!it) return [top, ...wrong, el("div", { className: "card told" }, seen?.fault || t(online ? "tablet.choose" : "tablet.never")), ...(set.may && !seen?.fault ? [pieces(""), note()] : [])];
    const made = it.progress, parts = [el("div", { className: "row apart" }, state(it.state), el("span", { className: "dim num" }, clock(it.since)))];
    parts.push(el("p", { style: "margin-top:8px" }, t("tablet.order") + ": ", el("b", {}, it.order || t("tablet.noorder"))));
    if (made) {
      if (made.wanted) parts.push(el("div", { className: "bar", role: "img", "aria-label": Math.round(100 * made.good / made.wanted) + " %" }, el("i", { style: `width:${Math.min(100, 100 * made.good / made.wanted)}%` })));
      parts.push(el("p", { className: "num" }, t(made.wanted ? "tablet.of" : "tablet.made", { good: made.good, scrap: made.scrap ?? "–", wanted: made.wanted })));
    }
    if (it.reported && (it.reported.good || it.reported.scrap)) parts.push(el("p", { className: "dim num", id: "reported" }, t("tablet.reported", it.reported)));
    const mine = (stop) => acts.filter((item) => item.state === "waits" && item.act.kind === "stop" && item.act.machine === machine && near(item.act.begin, stop.begin)).at(-1)?.act.reason;
    const open = it.stops.filter((stop) => !stop.reason && !mine(stop)), said = it.stops.filter((stop) => stop.reason || mine(stop)).slice(0, 5);
    return [top, ...wrong, el("div", { className: "card", id: "now" }, ...parts), set.may ? pieces(it.order) : el("p", { className: "card told" }, t("tablet.viewer")),
      el("div", { id: "open" }, el("h2", {}, open.length ? t("tablet.stops") : t("tablet.nostops")), ...open.map((stop) => standing(stop, ""))),
      said.length ? el("div", {}, el("h2", {}, t("tablet.said")), ...said.map((stop) => standing(stop, mine(stop) || stop.reason))) : null, set.may && seen.shifts ? note() : null].filter(Boolean);
  };
  const standing = (stop, why) => {
    const head = el("div", { className: "row apart" }, el("span", {}, state(stop.state), why ? el("b", { style: "margin-left:10px" }, reason(why)) : ""), el("span", { className: "dim num" }, clock(stop.begin) + " · " + length(stop.seconds) + (stop.running ? " · " + t("tablet.running") : "")));
    if (!set.may) return el("div", { className: "card", style: "margin-bottom:10px" }, head);
    const choice = el("div", { className: "grid" }, ...seen.reasons.map((item) => el("button", { "aria-pressed": String(item.reason === why), "data-reason": item.reason, onclick: (event) => { event.target.closest("details").open = false; act({ kind: "stop", begin: stop.begin, end: stop.running ? null : stop.end, reason: item.reason, seen: stop.reason || "" }); } }, item[lang])));
    return el("div", { className: "card", style: "margin-bottom:10px", "data-stop": stop.begin }, head, el("details", {}, el("summary", {}, t("tablet.why")), choice));
  };
  const pieces = (order) => {
    const field = (name, words) => { const box = el("input", { name, type: "number", inputMode: "numeric", min: "0", max: "1000000", value: "0" }); const by = (n) => () => { box.value = Math.max(0, (parseInt(box.value, 10) || 0) + n); };
      return el("label", {}, words, el("div", { className: "step" }, el("button", { type: "button", onclick: by(-1), "aria-label": words + " −1" }, "−"), box, el("button", { type: "button", onclick: by(1), "aria-label": words + " +1" }, "+"))); };
    return el("form", { className: "card", id: "pieces", onsubmit: async (event) => { event.preventDefault(); const form = event.target, good = parseInt(form.good.value, 10) || 0, scrap = parseInt(form.scrap.value, 10) || 0; if (!good && !scrap) return; form.good.value = form.scrap.value = 0; document.activeElement.blur(); await act({ kind: "pieces", order: order || "", good, scrap }); } },
      el("h2", {}, t("tablet.pieces")), el("div", { className: "row" }, field("good", t("tablet.good")), field("scrap", t("tablet.scrap"))), el("button", { className: "primary", style: "width:100%;margin-top:10px" }, t("tablet.send")));
  };
  const note = () => el("form", { className: "card", id: "note", onsubmit: async (event) => { event.preventDefault(); const box = event.target.text, text = box.value.trim(); if (!text) return; box.value = ""; document.activeElement.blur(); await act({ kind: "note", text }); } },
    el("h2", {}, t("tablet.note")), el("div", { className: "row" }, el("label", { style: "flex:1 1 240px" }, el("input", { name: "text", maxLength: 500, "aria-label": t("tablet.note.text"), placeholder: t("tablet.note.text"), autocomplete: "off" })), el("button", {}, t("tablet.write"))));
  const again = async (item) => { await store("acts", "readwrite", (all) => all.put({ number: item.number, act: { ...item.act, key: key(), anyway: true }, state: "waits" })); await draw(true); send(); };
  const drop = async (item) => { await store("acts", "readwrite", (all) => all.delete(item.number)); await draw(true); };

  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/tablet-worker.js", { scope: "/tablet" }).then(async () => { const there = await navigator.serviceWorker.ready; there.active.postMessage("keep"); main.dataset.kept = "yes"; }).catch(() => { main.dataset.kept = "no"; });
  navigator.storage?.persist?.();
  window.addEventListener("online", look); window.addEventListener("offline", () => { online = false; draw(true); });
  look(); setInterval(() => { if (!document.hidden) look(); }, 1000);
})();
