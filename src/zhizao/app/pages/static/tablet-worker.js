// Keeps the tablet's page for when there is no network. Data is never kept here: the page keeps what it last saw itself.
const SHELL = "zz-tablet";
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
const mine = (url) => url.pathname === "/tablet" ? "/tablet" : /^\/static\/(tablet\.(js|css)|favicon\.svg)$/.test(url.pathname) ? url.pathname : null;
self.addEventListener("message", (event) => {
  // the first visit came before this worker: keep what it loaded
  if (event.data === "keep") event.waitUntil(Promise.all(["/tablet", "/static/tablet.js", "/static/tablet.css", "/static/favicon.svg"].map((path) => take(new Request(path), path).catch(() => null))));
});
async function take(request, key) {
  const answer = await fetch(request, { credentials: "same-origin" });
  if (answer.ok && !answer.redirected) { const kept = await caches.open(SHELL); await kept.put(key, answer.clone()); }
  return answer;
}
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url), key = url.origin === location.origin && event.request.method === "GET" ? mine(url) : null;
  if (key === null) return;
  event.respondWith((async () => {
    try { return await take(event.request, key); }
    catch (error) { const kept = await (await caches.open(SHELL)).match(key); if (kept) return kept; throw error; }
  })());
});
