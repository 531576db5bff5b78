// The page that searches by a photo: takes photos in every way, sends its form and shows the answer.

import { CropBox } from "./crop.js";

const PREVIEW = 1024; // longest side of the preview, in pixels
const PAUSE = 400; // milliseconds without a key before a new box is searched with

const form = document.getElementById("by-photo");
const [chooser, camera] = form.querySelectorAll("input[type=file]");
const { address } = form.elements;
const preview = document.getElementById("preview");
const unseen = document.getElementById("unseen");
const canvas = preview.querySelector("canvas");
const status = document.getElementById("status");
const results = document.getElementById("results");
const mostMegabytes = Number(form.dataset.mostMegabytes);

const crop = new CropBox(document.getElementById("crop"), () => {
  form.elements.box.value = crop.value;
  soon();
});
let request = new AbortController();
let pause;

/** Shows a message above the results. */
function say(text, isFailure = true) {
  status.className = isFailure ? "notice" : "";
  status.textContent = text;
}

/** Shows why there are no results. */
function fail(text) {
  request.abort();
  results.removeAttribute("aria-busy");
  results.replaceChildren();
  say(text);
}

/** Searches with another photo. */
function take(files) {
  if (files.length > 1) return fail("Drop one photo at a time.");
  const [photo] = files;
  if (photo.size > mostMegabytes * 1e6) {
    forget();
    const megabytes = Math.ceil(photo.size / 1e6);
    return fail(`This photo has ${megabytes} MB, more than the ${mostMegabytes} MB that this server takes.`);
  }
  const chosen = new DataTransfer();
  chosen.items.add(photo);
  chooser.files = chosen.files;
  camera.value = address.value = "";
  useWholePhoto();
  show(photo);
  search();
}

function forget() {
  chooser.value = camera.value = "";
  preview.hidden = unseen.hidden = true;
}

function useWholePhoto() {
  crop.reset();
  form.elements.box.value = "";
}

/** Shows a photo, upright as its EXIF says, for a box to be drawn. */
async function show(photo) {
  let bitmap = null;
  try {
    bitmap = await createImageBitmap(photo);
  } catch {
    // A HEIC in most browsers, or no photo at all: the server's answer says so.
  }
  if (chooser.files[0] !== photo) return; // another was chosen in the meantime
  preview.hidden = bitmap === null;
  unseen.hidden = bitmap !== null;
  if (bitmap === null) return;
  const scale = Math.min(1, PREVIEW / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.max(1, Math.round(scale * bitmap.width));
  canvas.height = Math.max(1, Math.round(scale * bitmap.height));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
}

/** Sends the form, and puts the message and the results of the answer into this page. */
async function search() {
  clearTimeout(pause);
  request.abort();
  request = new AbortController();
  const { signal } = request;
  if (!hasPhoto()) return fail("Choose a photo first.");
  say("Searching…", false);
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const message = page.getElementById("status")?.textContent.trim();
    say(message || `The server refused the photo (${answer.status}).`, !answer.ok);
    results.replaceChildren(...(page.getElementById("results")?.childNodes ?? []));
  } catch (error) {
    if (signal.aborted) return; // another search has begun
    console.info(error);
    fail("The server can’t be reached: try again in a moment.");
  }
  results.removeAttribute("aria-busy");
}

/** Searches once no further change has come for a moment. */
function soon() {
  clearTimeout(pause);
  if (hasPhoto()) pause = setTimeout(search, PAUSE);
}

function hasPhoto() {
  return chooser.files.length > 0 || address.value.trim() !== "";
}

/** Searches with the photo at an address, which the server fetches: there is no preview. */
function takeFrom(url) {
  forget();
  useWholePhoto();
  address.value = url;
  if (address.checkValidity()) search();
}

/** Searches with the photo of a product of the results. */
async function takeProduct(url) {
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    take([new File([await answer.blob()], "photo")]);
    form.scrollIntoView({ block: "nearest" });
  } catch (error) {
    console.info(error);
    fail("The photo of that product can’t be read: try again in a moment.");
  }
}

for (const hint of document.querySelectorAll("[data-scripted]")) hint.hidden = false;

document.getElementById("whole").addEventListener("click", () => {
  useWholePhoto();
  search();
});
document.addEventListener("change", ({ target }) => {
  if (target === chooser || target === camera) {
    if (target.files.length) take(target.files);
    else forget();
  } else if (target === address) {
    if (target.value.trim()) takeFrom(target.value.trim());
  } else if (target.form === form) {
    soon();
  }
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
results.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-photo]");
  if (!link) return;
  event.preventDefault();
  takeProduct(link.dataset.photo);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) take(event.clipboardData.files);
});
document.addEventListener("dragover", (event) => {
  if (isText(event)) return;
  event.preventDefault(); // else the browser would open the file
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  if (isText(event)) return;
  event.preventDefault();
  const url = event.dataTransfer.getData("text/uri-list").split(/\r?\n/)[0];
  if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  else if (/^https?:/i.test(url)) takeFrom(url); // a picture of another page
  else fail("That is no file: save the photo first, then drop or choose it.");
});

/** Whether a person drags text into a field, which is nothing to us. */
function isText(event) {
  return event.target instanceof HTMLInputElement && !event.dataTransfer.types.includes("Files");
}

if (chooser.files.length) take(chooser.files); // a browser keeps it for those who come back
