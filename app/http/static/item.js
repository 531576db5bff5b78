// The page of a product: its similar ones follow the filters without leaving the page, and the arrow
// keys go from one to the next. Without it everything is a link or a form.

import { addressOf, fetchPage, isPlain, showScripted } from "./part.js";

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };
const PART = "similar";

const news = document.getElementById("news");
let shown = location.href;

/**
 * Shows the similar products of another address of this page.
 * @param {string} address
 * @param {boolean} isNew whether it becomes an entry of the history
 */
async function show(address, isNew) {
  const part = document.getElementById(PART);
  part.setAttribute("aria-busy", "true");
  if (isNew) history.pushState(null, "", address);
  shown = location.href;
  const page = await fetchPage(address, PART);
  if (page === null) return;
  const focused = document.activeElement;
  const { id = "" } = part.contains(focused) ? focused : {};
  const isOpen = part.querySelector("details")?.open;
  part.replaceWith(page.getElementById(PART));
  const now = document.getElementById(PART);
  if (isOpen) now.querySelector("details")?.setAttribute("open", "");
  if (!focused?.isConnected) {
    const same = id && document.getElementById(id);
    if (same) same.focus({ preventScroll: true });
    else focusHeading(now);
  }
  const number = now.querySelectorAll(".card").length;
  news.textContent = `${number} similar product${number === 1 ? "" : "s"}`;
  showScripted(now);
}

/** @param {Element} part */
function focusHeading(part) {
  const heading = part.querySelector("h2");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

document.addEventListener("change", ({ target }) => {
  if (target.form?.id === "vary") show(addressOf(target.form), true);
});
document.addEventListener("submit", (event) => {
  if (event.target.id !== "vary") return;
  event.preventDefault();
  show(addressOf(event.target), true);
});
document.addEventListener("click", async (event) => {
  const copies = event.target.closest("[data-copies]");
  if (copies) {
    const text = document.getElementById(copies.dataset.copies);
    try {
      await navigator.clipboard.writeText(text.textContent);
      news.textContent = "Copied.";
      copies.firstChild.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text); // without HTTPS there is no clipboard
    }
    return;
  }
  const link = event.target.closest("#similar .chips a, #similar .pages a, #similar .vary a");
  if (!link || !isPlain(event)) return;
  event.preventDefault();
  show(link.href, true);
});
document.addEventListener("keydown", (event) => {
  if (!(event.key in STEPS) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.target.closest("input, select, textarea, pre")) return;
  const cards = [...document.querySelectorAll("#similar .card")];
  const at = cards.indexOf(event.target.closest("#similar li")?.querySelector(".card"));
  const next = cards[at === -1 && event.key === "ArrowLeft" ? cards.length - 1 : at + STEPS[event.key]];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: "nearest" });
});
addEventListener("popstate", () => {
  if (location.href !== shown) show(location.href, false);
});
showScripted(document);
