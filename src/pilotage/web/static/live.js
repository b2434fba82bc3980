// Keeps the parts of a page with `data-live` up to date: it loads the page again when the server tells of an event, and
// every few seconds, and replaces what has changed. It never touches a button that takes something back: links stay
// links, and work while no news arrives.

const ROOT = document.body.dataset.root;
const WITHOUT_STREAM = 4000, WITH_STREAM = 8000, SOONEST = 1000, SILENT = 12000;

let loadedAt = Date.now(), streaming = false, loading = false, due = 0, ended = false;

export function keepLive() {
  if (!document.querySelector("[data-live]")) return;
  schedule(WITHOUT_STREAM);
  setInterval(tick, 500);
  document.addEventListener("visibilitychange", () => document.hidden || schedule(0));
  stream();
}

function schedule(after) {
  const at = Math.max(Date.now() + after, loadedAt + SOONEST);
  if (!due || at < due) due = at;
}

async function tick() {
  showAge();
  if (loading || ended || document.hidden || !due || Date.now() < due) return;
  due = 0;
  loading = true;
  try {
    await load();
    loadedAt = Date.now();
  } catch { /* the age says it */ }
  loading = false;
  schedule(streaming ? WITH_STREAM : WITHOUT_STREAM);
}

async function load() {
  const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(10000) });
  if (answer.redirected && new URL(answer.url).pathname === `${ROOT}/login`) return signedOut();
  if (!answer.ok) throw new Error(answer.status);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live][id]")) replace(part, fresh.getElementById(part.id));
  if (document.title !== fresh.title) document.title = fresh.title;
  document.dispatchEvent(new Event("fresh"));
}

function replace(part, fresh) {
  const html = fresh ? fresh.innerHTML : "";
  if (part.dataset.html === html || part.innerHTML === html) return;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  if (focused && focused.matches("input, textarea, select")) return;
  part.innerHTML = html; // from this server, escaped by it
  part.dataset.html = html;
  const same = focused && focused.getAttribute("href");
  if (same) [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === same)?.focus();
}

function showAge() {
  const place = document.getElementById("stale"), age = Date.now() - loadedAt;
  if (ended) return;
  if (age < SILENT || document.hidden) {
    if (place.firstChild) place.replaceChildren();
    return;
  }
  if (!place.firstChild) {
    const clock = new Date(loadedAt).toLocaleTimeString([], { hour12: false });
    notice(place, "No news: stale since ", clock);
  }
  place.querySelector("i").textContent = ` (${Math.round(age / 1000)} s)`;
}

function signedOut() {
  ended = true;
  const place = document.getElementById("stale");
  notice(place, "You are signed out. ", "Load the page again to sign in.");
}

function notice(place, title, rest) {
  const line = document.createElement("p"), text = document.createElement("span"), bold = document.createElement("b");
  const count = document.createElement("i");
  count.setAttribute("aria-hidden", "true");
  line.className = "banner wait";
  bold.textContent = title;
  text.append(bold, rest, count);
  line.append(text);
  place.replaceChildren(line);
}

// The stream is read by fetch, not EventSource: every kind of event counts, and a missing stream is no error.
async function stream() {
  const only = document.querySelector("[data-watch]")?.dataset.watch;
  const address = `${ROOT}/api/v1/events${only ? `?rollout=${encodeURIComponent(only)}` : ""}`;
  let wait = 1000, last = "";
  while (!ended) {
    try {
      const headers = { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) };
      const answer = await fetch(address, { headers, cache: "no-store" });
      if ([401, 403, 404, 405].includes(answer.status)) return; // loading the page says what is wrong
      if (!answer.ok || !answer.body) throw new Error(answer.status);
      streaming = true;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ;) {
        const { value, done } = await reader.read();
        if (done) break;
        wait = 1000;
        const messages = (rest + value).split("\n\n");
        rest = messages.pop();
        for (const message of messages) {
          last = /^id: ?(.*)$/m.exec(message)?.[1] ?? last;
          heard(/^event: ?(.*)$/m.exec(message)?.[1], only);
        }
      }
    } catch { /* again below */ }
    streaming = false;
    schedule(WITHOUT_STREAM);
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, 15000);
  }
}

// `changed` comes with every look of a worker, each second: figures may be some seconds old, events may not.
function heard(kind, only) {
  if (kind === "changed") schedule(only ? 2000 : 5000);
  else if (kind && kind !== "ready") schedule(200);
}
