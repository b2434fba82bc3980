// Keys: where each leads is written on the page itself (`data-key` of the navigation, `data-act` of buttons), and only
// what is there works.
import { openPalette } from "./palette.js";

const OFF = "pilotage-keys-off";
const ACTS = { a: "approve", p: "pause", r: "resume", n: "promote", x: "abort" };
let going = 0;

export function listen() {
  document.addEventListener("keydown", pressed);
  const place = document.getElementById("keys-hint");
  const button = document.createElement("button");
  button.className = "linklike";
  button.textContent = "Keys (?)";
  button.addEventListener("click", help);
  place.append(" · ", button);
}

function pressed(event) {
  if ((event.metaKey || event.ctrlKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return openPalette();
  }
  if (event.metaKey || event.ctrlKey || event.altKey || localStorage.getItem(OFF)) return;
  if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
  const key = event.key;
  if (Date.now() - going < 1500) {
    going = 0;
    return follow(document.querySelector(`nav a[data-key="${CSS.escape(key)}"]`), event);
  }
  if (key === "g") going = Date.now();
  else if (key === "?") { event.preventDefault(); help(); }
  else if (key === "/") { event.preventDefault(); openPalette(); }
  else if (key === "j" || key === "k") move(key === "j" ? 1 : -1, event);
  else if (ACTS[key]) follow(document.querySelector(`[data-act="${ACTS[key]}"]`), event);
}

function follow(link, event) {
  if (!link) return;
  event.preventDefault();
  link.click();
}

function move(by, event) {
  const rows = [...document.querySelectorAll("[data-row]")].filter((one) => one.offsetParent);
  if (!rows.length) return;
  event.preventDefault();
  const at = rows.indexOf(document.activeElement);
  rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))].focus();
}

function help() {
  const rows = [["Ctrl K or ⌘ K or /", "Go anywhere"], ["j, k", "Next and previous row"]];
  for (const link of document.querySelectorAll("nav.bar a[data-key]")) rows.push([`g ${link.dataset.key}`, link.textContent]);
  for (const [key, act] of Object.entries(ACTS)) {
    const button = document.querySelector(`[data-act="${act}"]`);
    if (button) rows.push([key, button.textContent.trim()]);
  }
  rows.push(["?", "This help"]);
  const dialog = document.createElement("dialog"), list = document.createElement("dl");
  dialog.setAttribute("aria-labelledby", "keys-title");
  const title = document.createElement("h2");
  title.id = "keys-title";
  title.textContent = "Keys";
  list.className = "facts";
  for (const [key, words] of rows) {
    const term = document.createElement("dt"), kbd = document.createElement("kbd"), what = document.createElement("dd");
    kbd.textContent = key;
    term.append(kbd);
    what.textContent = words;
    list.append(term, what);
  }
  const label = document.createElement("label"), box = document.createElement("input"), words = document.createElement("span");
  label.className = "choice";
  box.type = "checkbox";
  box.checked = !localStorage.getItem(OFF);
  words.textContent = "Keys without Ctrl or ⌘ work in this browser";
  box.addEventListener("change", () => box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"));
  label.append(box, words);
  const close = document.createElement("button");
  close.className = "btn";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(title, list, label, close);
  document.body.append(dialog);
  dialog.showModal();
}
