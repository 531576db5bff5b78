// The tray: likes and dislikes that the browser keeps, with buttons beside every product.
// The page of the tray works without it, since its address has the whole tray.

const KEPT = "lookalike-tray"; // the query string of this browser's tray
const MINE = "lookalike-tray-mine"; // this tab shows it, not one that somebody shared
const WEIGHTED = /^(.+):(\d{1,4}(?:\.\d{1,4})?)$/s;
const SIDES = { like: "Like", dislike: "Dislike" };

const link = document.getElementById("tray-link");
const page = document.getElementById("tray");

/** The entries of a query string: sku → [side, weight]. */
function parse(query) {
  const tray = new Map();
  for (const [side, text] of new URLSearchParams(query)) {
    if (!(side in SIDES) || !text) continue;
    const [, sku, weight] = WEIGHTED.exec(text) ?? [text, text, "1"];
    if (!tray.has(sku)) tray.set(sku, [side, weight]);
  }
  return tray;
}

/** The query string of a tray. */
function write(tray) {
  const query = new URLSearchParams();
  for (const [sku, [side, weight]] of tray) {
    query.append(side, Number(weight) === 1 && !WEIGHTED.test(sku) ? sku : `${sku}:${weight}`);
  }
  return query.toString();
}

function load() {
  try {
    return localStorage.getItem(KEPT) ?? "";
  } catch {
    return ""; // storage is forbidden
  }
}

/** Keeps a tray, or shows it where the browser may keep nothing. */
function save(tray) {
  const query = write(tray);
  try {
    localStorage.setItem(KEPT, query);
  } catch {
    if (!page) location.assign(`${link.pathname}?${query}`);
  }
  show();
}

/** Brings the link to the tray and all buttons up to date. */
function show() {
  const query = load();
  const tray = parse(query);
  link.search = query && `?${query}`;
  link.querySelector("span").textContent = tray.size ? ` (${tray.size})` : "";
  for (const button of document.querySelectorAll("button[data-side]")) {
    const [side] = tray.get(button.dataset.of) ?? [];
    button.setAttribute("aria-pressed", String(side === button.dataset.side));
  }
}

/** Puts the two buttons beside what has a sku and no buttons yet. */
function addButtons() {
  for (const place of document.querySelectorAll("[data-sku]:not([data-voting])")) {
    place.dataset.voting = "";
    const name = place.dataset.name ?? place.querySelector(".name")?.textContent ?? place.dataset.sku;
    const votes = document.createElement("p");
    votes.className = "votes";
    for (const [side, word] of Object.entries(SIDES)) {
      const button = document.createElement("button");
      button.type = "button";
      Object.assign(button.dataset, { side, of: place.dataset.sku });
      const whom = document.createElement("span");
      whom.className = "unseen";
      whom.textContent = ` ${name.trim()}`;
      button.append(word, whom);
      votes.append(button);
    }
    if (place.matches("a")) place.after(votes);
    else place.append(votes);
  }
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-side]");
  if (!button) return;
  const { side, of } = button.dataset;
  const tray = parse(load());
  const was = tray.get(of)?.[0];
  tray.delete(of);
  if (was !== side) tray.set(of, [side, "1"]);
  save(tray);
});

/** The page of the tray: its address is the tray, this browser's own or one that was shared. */
function visit() {
  const here = write(parse(location.search));
  const kept = load();
  const stayed = document.referrer.split("?")[0] === location.href.split("?")[0];
  if (!here && kept && !stayed) return location.replace(`?${kept}`);
  const mine = here === kept || !kept || (stayed && sessionStorage.getItem(MINE) === "yes");
  sessionStorage.setItem(MINE, mine ? "yes" : "no");
  if (mine) save(parse(here));
  else {
    document.getElementById("shared").hidden = false;
    document.getElementById("own").search = `?${kept}`;
    document.getElementById("keep").addEventListener("click", () => {
      sessionStorage.setItem(MINE, "yes");
      save(parse(here));
      document.getElementById("shared").hidden = true;
    });
  }
  const form = document.getElementById("tray-form");
  document.addEventListener("change", ({ target }) => {
    if (target.form === form && target.id !== "add") form.requestSubmit();
  });
  const copy = document.getElementById("copy");
  copy?.addEventListener("click", async () => {
    const copied = document.getElementById("copied");
    try {
      await navigator.clipboard.writeText(location.href);
      copied.textContent = "Copied.";
    } catch {
      copied.textContent = "Copy it from the address bar."; // without HTTPS there is no clipboard
    }
  });
  for (const hint of document.querySelectorAll("[data-scripted]")) hint.hidden = false;
}

if (page) visit();
else {
  addButtons();
  // Results that a script brings later.
  new MutationObserver(() => {
    addButtons();
    show();
  }).observe(document.querySelector("main"), { childList: true, subtree: true });
}
show();
window.addEventListener("storage", show);
window.addEventListener("pageshow", show); // from the cache of pages, when a person goes back
