// Places of live pages take what the server pushes; a place with a choice open waits until it is closed.
(() => {
  const waiting = new Map();
  const put = (name, html) => {
    if (name === "title") {
      const head = document.getElementById("title");
      if (head) head.textContent = html;
      document.title = html + " · zhizao";
      return;
    }
    for (const place of document.querySelectorAll("[data-piece]")) {
      if (place.dataset.piece !== name) continue;
      if (place.querySelector("details[open]") || place.contains(document.activeElement) && document.activeElement.matches("input,select,textarea")) waiting.set(name, html);
      else { waiting.delete(name); place.innerHTML = html; }
    }
  };
  window.zzLive = (said) => {
    for (const [name, html] of Object.entries(said)) put(name, html);
    window.dispatchEvent(new CustomEvent("zz-live", { detail: Object.keys(said) }));
  };
  const again = () => { for (const [name, html] of [...waiting]) put(name, html); };
  document.addEventListener("toggle", (event) => { if (!event.target.open) again(); }, true);
  document.addEventListener("focusout", () => setTimeout(again, 0));
})();
