// The status page: fetches itself every few seconds, and puts the sections that changed into place.

const EVERY = 5000; // milliseconds
const now = document.getElementById("now");
const stale = document.getElementById("stale");
const pause = document.getElementById("pause");

for (const hint of document.querySelectorAll("[data-scripted]")) hint.hidden = false;

let paused = false;

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  if (!paused) refresh();
});
document.addEventListener("visibilitychange", refresh);

let running = false;

async function refresh() {
  if (paused || running || document.hidden) return;
  running = true;
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(4 * EVERY) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    for (const section of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(section.id);
      // What a person is using stays: the next refresh brings it.
      if (fresh && !inUse(section) && fresh.innerHTML !== section.innerHTML) {
        section.replaceChildren(...fresh.childNodes);
      }
    }
    const asOf = page.getElementById("now");
    now.textContent = asOf.textContent;
    now.dateTime = asOf.dateTime;
    stale.hidden = true;
  } catch (error) {
    console.info(error);
    stale.hidden = false;
  }
  running = false;
}

/** Whether the focus or a selection is in an element. */
function inUse(section) {
  const selection = getSelection();
  const selected = !selection.isCollapsed && selection.containsNode(section, true);
  return selected || section.contains(document.activeElement);
}

setInterval(refresh, EVERY);
