// A part of the page that another page of this server brings, such as the results of other filters.

let request = new AbortController();

/**
 * Fetches a page that has a part; null if it has none, or another is wanted by now.
 * @param {string} address
 * @param {string} id of the part
 * @returns {Promise<Document | null>}
 */
export async function fetchPage(address, id) {
  request.abort();
  request = new AbortController();
  const { signal } = request;
  try {
    const answer = await fetch(address, { signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok && page.getElementById(id)) return page;
  } catch (error) {
    if (signal.aborted) return null;
    console.info(error);
  }
  location.assign(address); // the browser shows what is wrong
  return null;
}

/**
 * The address that a form without files asks for, its empty fields left out.
 * @param {HTMLFormElement} form
 */
export function addressOf(form) {
  const fields = [...new FormData(form)].filter(([, value]) => String(value).trim());
  // Not form.action: a catalog's attribute may be called action, and would be that.
  const address = new URL(form.getAttribute("action"), location.href);
  address.search = new URLSearchParams(/** @type {[string, string][]} */ (fields)).toString();
  return address.href;
}

/**
 * Whether a click follows a link in this tab, as a plain one does.
 * @param {MouseEvent} event
 */
export function isPlain(event) {
  return event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
}

/**
 * Shows what only scripts can do, and hides what only a page without them needs.
 * @param {ParentNode} place
 */
export function showScripted(place) {
  for (const hint of place.querySelectorAll("[data-scripted]")) hint.hidden = false;
  for (const button of place.querySelectorAll("[data-unscripted]")) button.hidden = true;
}
