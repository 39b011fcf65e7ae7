"use strict";
(() => {
  const texts = __TEXTS__;
  const all = (what, of = document) => Array.from(of.querySelectorAll(what));
  const byId = (id) => document.getElementById(id);
  let language = 0;
  try { language = (navigator.languages || [navigator.language]).map((one) => /^pt/i.test(one) ? 1 : /^en/i.test(one) ? 0 : -1).find((one) => one >= 0) || 0; } catch { /* English */ }
  try { const kept = localStorage.getItem("catalog-language"); if (kept) language = +kept ? 1 : 0; } catch { /* nothing is kept */ }
  const local = () => language ? "pt-BR" : "en";
  const sized = (bytes) => {
    const units = ["B", "KB", "MB", "GB", "TB"];
    let at = 0;
    while (bytes >= 1000 && at < 4) { bytes /= 1000; at += 1; }
    return new Intl.NumberFormat(local(), { minimumFractionDigits: at ? 1 : 0, maximumFractionDigits: at ? 1 : 0 }).format(bytes) + " " + units[at];
  };
  const counted = (text) => {
    const [all, number, unit] = /^(\d{1,3}(?:,\d{3})+|\d+(?=(?:\.\d)? [KMGT]?B$))((?:\.\d)?(?: [KMGT]?B)?)$/.exec(text) || [];
    if (!all) return text;
    const tenth = unit.startsWith(".") ? 1 : 0;
    const value = new Intl.NumberFormat(local(), { minimumFractionDigits: tenth }).format(+(number.replace(/,/g, "") + unit.slice(0, 2 * tenth)));
    return value + unit.slice(2 * tenth);
  };
  const say = (key, ...values) => (texts[key] || [key, key])[language].replace(/\{(\d)\}/g, (_, at) => counted(String(values[+at] ?? "")));
  const speak = () => {
    document.documentElement.lang = local();
    for (const one of all("[data-t]")) {
      const values = one.dataset.a === undefined ? [] : one.dataset.a.split("\u241f");
      one.textContent = say(one.dataset.t, ...values);
    }
    for (const one of all("data[value]")) {
      const value = +one.value;
      one.textContent = "u" in one.dataset ? sized(value) : new Intl.NumberFormat(local()).format(value);
    }
  };
  const button = byId("language");
  button.hidden = false;
  button.addEventListener("click", () => {
    language = 1 - language;
    try { localStorage.setItem("catalog-language", String(language)); } catch { /* nothing is kept */ }
    speak();
  });
  for (const one of all(".tools")) one.hidden = false;

  const search = byId("search");
  if (search) {
    const items = all("#rows tbody tr").concat(all("#further li"));
    const names = items.map((one) => (one.querySelector("th,a,code,bdi") || one).textContent.toLowerCase());
    const look = () => {
      const word = search.value.trim().toLowerCase();
      let found = 0;
      items.forEach((one, at) => { const is = names[at].includes(word); if (one.hidden === is) one.hidden = !is; found += is; });
      const further = byId("further");
      if (further && word) further.open = true;
      byId("found").textContent = word ? say("found", String(found)) : "";
    };
    let waiting = 0;
    search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(look, 120); });
  }

  for (const table of all("table.sortable")) {
    all("thead th[data-sort]", table).forEach((head) => {
      const at = Array.from(head.parentNode.children).indexOf(head);
      const press = document.createElement("button");
      press.type = "button";
      press.append(...head.childNodes);
      head.append(press);
      press.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const value = (row) => {
          const cell = row.children[at], held = cell.querySelector("data");
          if (head.dataset.sort === "number") return held ? +held.value : parseFloat(cell.textContent) || 0;
          return cell.textContent.trim().toLowerCase();
        };
        const body = table.tBodies[0];
        const rows = Array.from(body.rows).map((row) => [value(row), row]);
        rows.sort(([a], [b]) => (typeof a === "number" ? a - b : a.localeCompare(b, local(), { numeric: true })) * (up ? 1 : -1));
        body.append(...rows.map((one) => one[1]));
      });
    });
  }

  const pick = byId("pick");
  if (pick) pick.addEventListener("change", () => {
    if (!pick.value) return;
    const day = byId("d-" + pick.value);
    byId("picked").textContent = day ? "" : say("no_day", pick.value);
    if (!day) return;
    for (let one = day; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    day.scrollIntoView();
    const target = day.querySelector("summary") || day;
    if (target === day) day.tabIndex = -1;
    target.focus({ preventScroll: true });
  });

  for (const one of all("button[data-copy]")) {
    one.hidden = false;
    one.addEventListener("click", async () => {
      const code = byId(one.dataset.copy);
      try { await navigator.clipboard.writeText(code.textContent); } catch {
        getSelection().selectAllChildren(code);
        document.execCommand("copy");
      }
      const label = one.firstElementChild;
      for (const [key, wait] of [["copied", 0], ["copy", 2000]]) setTimeout(() => { label.dataset.t = key; label.textContent = say(key); }, wait);
    });
  }
  if (language) speak();
})();
