// The palette: goes to any page, release or service that one may see.

const ROOT = document.body.dataset.root;
const MOST = 12;
let known = null, knownAt = 0;

export async function openPalette() {
  if (document.getElementById("palette")) return;
  const dialog = document.createElement("dialog"), field = document.createElement("input"), list = document.createElement("ul");
  dialog.id = "palette";
  dialog.setAttribute("aria-label", "Go to");
  Object.entries({
    type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-label": "Go to",
    "aria-autocomplete": "list", placeholder: "Service, version, environment or page", autocomplete: "off", spellcheck: "false",
  }).forEach(([name, value]) => field.setAttribute(name, value));
  list.id = "palette-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Results");
  dialog.append(field, list);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.showModal();
  let found = [], at = 0;
  const show = () => {
    found = matching(known ?? [], field.value).slice(0, MOST);
    at = 0;
    list.replaceChildren(...found.map(option));
    if (!found.length) list.append(Object.assign(document.createElement("li"), { textContent: known ? "Nothing has this name." : "Loading …" }));
    mark();
  };
  const mark = () => {
    [...list.children].forEach((one, number) => one.role === "option" && one.setAttribute("aria-selected", String(number === at)));
    field.setAttribute("aria-activedescendant", found.length ? `palette-${at}` : "");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  field.addEventListener("input", show);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at = (at + (event.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(1, found.length);
      mark();
    } else if (event.key === "Enter" && found[at]) {
      event.preventDefault();
      location.assign(ROOT + found[at].path);
    }
  });
  list.addEventListener("click", (event) => {
    const one = event.target.closest("[data-path]");
    if (one) location.assign(ROOT + one.dataset.path);
  });
  show();
  if (!known || Date.now() - knownAt > 15000) {
    try {
      const answer = await fetch(`${ROOT}/palette.json`, { cache: "no-store" });
      known = (await answer.json()).entries;
      knownAt = Date.now();
    } catch { known ??= []; }
    show();
  }
}

function option(one, number) {
  const line = document.createElement("li"), title = document.createElement("b"), rest = document.createElement("span");
  line.id = `palette-${number}`;
  line.setAttribute("role", "option");
  line.dataset.path = one.path;
  title.textContent = one.title;
  rest.className = "sub";
  rest.textContent = ` ${one.detail}`;
  line.append(title, rest);
  return line;
}

// Every word must occur; what begins with the first one comes first.
function matching(entries, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = entries.filter((one) => words.every((word) => `${one.title} ${one.detail}`.toLowerCase().includes(word)));
  return words.length ? hits.sort((a, b) => b.title.toLowerCase().startsWith(words[0]) - a.title.toLowerCase().startsWith(words[0])) : hits;
}
