// Asks the browser for a passkey and sends its answer with the form. Forms with data-passkey are hidden without this.
const fromText = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function wanted(options) {
  const key = options.publicKey;
  key.challenge = fromText(key.challenge);
  if (key.user) key.user.id = fromText(key.user.id);
  for (const list of [key.excludeCredentials, key.allowCredentials]) {
    for (const one of list ?? []) one.id = fromText(one.id);
  }
  return options;
}

function answered(made) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (made.response[name]) response[name] = toText(made.response[name]);
  }
  return JSON.stringify({ id: made.id, rawId: toText(made.rawId), type: made.type, response, clientExtensionResults: {} });
}

async function ask(form, event) {
  if (form.elements.answer.value) return;
  event.preventDefault();
  const said = form.querySelector("[data-said]");
  said.textContent = "";
  try {
    const options = wanted(JSON.parse(form.dataset.passkey));
    const made = options.publicKey.user ? await navigator.credentials.create(options) : await navigator.credentials.get(options);
    form.elements.answer.value = answered(made);
    form.requestSubmit();
  } catch (error) {
    said.textContent = error.name === "NotAllowedError" ? "The browser asked nobody, or was told no." : error.message;
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  form.addEventListener("submit", (event) => ask(form, event));
}
