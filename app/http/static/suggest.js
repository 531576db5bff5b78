// Suggestions for the search box, as the person types; the box works without them.

const PAUSE = 150; // milliseconds without a key before the server is asked

const box = document.getElementById("q");
const list = document.getElementById("suggestions");
let request = new AbortController();
let pause;

box.addEventListener("input", () => {
  clearTimeout(pause);
  request.abort(); // its answer would be about an older text
  pause = setTimeout(suggest, PAUSE);
});

async function suggest() {
  const typed = box.value.trim();
  if (!typed) {
    list.replaceChildren();
    return;
  }
  request = new AbortController();
  try {
    const address = `${box.dataset.suggestions}?${new URLSearchParams({ q: typed })}`;
    const answer = await fetch(address, { signal: request.signal });
    if (!answer.ok) return;
    const { suggestions } = await answer.json();
    list.replaceChildren(...suggestions.map(({ text }) => new Option("", text)));
  } catch {
    // Aborted, or the server is away: the box searches all the same.
  }
}
