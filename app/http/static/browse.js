// The grid of products: follows what is typed and ticked, and grows as one scrolls.
// Without it the form is sent with its buttons, and the next page is a link.

import { addressOf, fetchPage, isPlain, showScripted } from "./part.js";

const PAUSE = 300; // milliseconds without a key before the server is asked
const AHEAD = "800px"; // how far below the window the next page is fetched
const PART = "results";
const UNASKED = 5; // pages that come by themselves, so that the page has an end

const form = document.getElementById("search");
const box = document.getElementById("q");
const place = document.getElementById("browse");
const news = document.getElementById("news");

let pause;
let unasked = UNASKED;
let shown = location.href;

/**
 * Shows another page in the place of this one.
 * @param {string} address
 * @param {"push" | "replace" | "none"} how its entry of the history is made
 */
async function show(address, how) {
  clearTimeout(pause);
  const results = document.getElementById(PART);
  results.setAttribute("aria-busy", "true");
  if (how === "push") history.pushState(null, "", address);
  if (how === "replace") history.replaceState(null, "", address);
  shown = location.href;
  const page = await fetchPage(address, PART);
  if (page === null) return;
  const focused = document.activeElement;
  const scrolled = scrollPositions();
  document.title = page.title;
  const filters = place.querySelector("details");
  const next = page.getElementById("browse");
  if (filters?.open) next.querySelector("details")?.setAttribute("open", "");
  place.className = next.className;
  place.replaceChildren(...next.childNodes);
  scrollBack(scrolled);
  refocus(focused);
  news.textContent = place.querySelector("h1").textContent;
  unasked = UNASKED;
  prepare();
}

/** How far each list of values is scrolled. */
function scrollPositions() {
  return new Map([...place.querySelectorAll(".ticks")].map((field) => [nameOf(field), field.querySelector("ul").scrollTop]));
}

/** @param {Map<string, number>} positions */
function scrollBack(positions) {
  for (const field of place.querySelectorAll(".ticks")) {
    field.querySelector("ul").scrollTop = positions.get(nameOf(field)) ?? 0;
  }
}

/** @param {Element} field */
function nameOf(field) {
  return field.querySelector("input").name;
}

/**
 * Gives the focus to the field that took another's place.
 * @param {Element | null} before
 */
function refocus(before) {
  if (!before || before.isConnected || !("name" in before)) return;
  const { name, type, value } = /** @type {HTMLInputElement} */ (before);
  for (const field of place.querySelectorAll("input, select")) {
    const same = field.name === name && (type !== "checkbox" || field.value === value);
    if (same) return field.focus({ preventScroll: true });
  }
}

/**
 * Appends the next page to the grid.
 * @param {HTMLAnchorElement} link
 * @param {boolean} asked whether the person has clicked it, and goes on from there
 */
async function grow(link, asked) {
  link.setAttribute("aria-busy", "true");
  const page = await fetchPage(link.href, PART);
  if (page === null) return;
  const cards = [...page.querySelectorAll("#results .grid > li")];
  place.querySelector(".grid").append(...cards);
  place.querySelector(".pages").replaceChildren(...page.querySelectorAll(".pages .next"));
  news.textContent = `${cards.length} more products`;
  if (asked) cards[0]?.querySelector("a")?.focus({ preventScroll: true });
  prepare();
}

const watcher = new IntersectionObserver(
  (entries) => {
    const link = place.querySelector(".next");
    if (!link || link.hasAttribute("aria-busy") || !entries.some((entry) => entry.isIntersecting)) return;
    if (unasked > 0) {
      unasked -= 1;
      grow(link, false);
    }
  },
  { rootMargin: AHEAD },
);

/** Watches the link to the next page, and hides what only a page without scripts needs. */
function prepare() {
  watcher.disconnect();
  const link = place.querySelector(".next");
  if (link) watcher.observe(link);
  showScripted(place);
}

box.addEventListener("input", () => {
  clearTimeout(pause);
  // The first letter makes an entry of the history, the others change it.
  pause = setTimeout(() => {
    const address = addressOf(form);
    if (address === location.href) return;
    show(address, history.state === "typing" ? "replace" : "push");
    history.replaceState("typing", "", address);
  }, PAUSE);
});
document.addEventListener("change", ({ target }) => {
  if (target !== box && target.form === form) show(addressOf(form), "push");
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const address = addressOf(form);
  show(address, address === location.href ? "none" : "push");
});
place.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || !isPlain(event)) return;
  if (link.matches(".next")) {
    event.preventDefault();
    unasked = UNASKED;
    if (!link.hasAttribute("aria-busy")) grow(link, true);
  } else if (link.closest(".chips")) {
    event.preventDefault();
    show(link.href, "push");
  }
});
addEventListener("popstate", () => {
  if (location.href === shown) return; // a jump within the page
  box.value = new URLSearchParams(location.search).get("q") ?? "";
  show(location.href, "none");
});
prepare();
