// Passkeys: a button in a form passes its options to the browser, and submits the form with the device's answer. See rooms/signin/passkeys.py.
import { useEffect } from "react";

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => buffer && btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const decodeIds = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

function decodeOptions(task) {
  const { challenge, user, excludeCredentials, allowCredentials, ...rest } = task;
  return { ...rest, challenge: bytes(challenge), ...(user && { user: { ...user, id: bytes(user.id) } }),
    ...(excludeCredentials && { excludeCredentials: decodeIds(excludeCredentials) }), ...(allowCredentials && { allowCredentials: decodeIds(allowCredentials) }) };
}

function encodeCredential({ id, rawId, type, response: r }) {
  const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const response = Object.fromEntries(parts.filter((name) => r[name]).map((name) => [name, text(r[name])]));
  return JSON.stringify({ id, rawId: text(rawId), type, clientExtensionResults: {}, response: { ...response, ...(r.getTransports && { transports: r.getTransports() }) } });
}

// Fetches the options from the server, for a button that does not hold them.
async function fetchOptions(form) {
  const answer = await fetch(form.action, { method: "POST", headers: { accept: "application/json" }, body: new URLSearchParams({ passkey: "begin" }) });
  if (answer.status === 410) window.location.reload();
  const task = await answer.json();
  if (!answer.ok) throw new RangeError(task.error ?? "");
  return task;
}

function send(form, name, value) {
  const kept = form.elements[name];
  const input = kept ?? Object.assign(document.createElement("input"), { type: "hidden", name });
  input.value = value;
  if (!kept) form.append(input);
  form.requestSubmit();
  kept ? (kept.value = "") : input.remove();
}

export function Passkeys() {
  useEffect(() => {
    let busy = false;
    document.documentElement.toggleAttribute("data-passkeys", !!window.PublicKeyCredential);
    const click = async (e) => {
      const button = e.target.closest("[data-passkey]");
      if (!button || busy) return;
      const { form } = button;
      const create = button.dataset.passkey === "create";
      const said = form.querySelector("[data-passkey-said]");
      busy = true;
      button.setAttribute("aria-busy", "true");
      said.textContent = "";
      try {
        const publicKey = decodeOptions(create ? JSON.parse(button.dataset.task) : await fetchOptions(form));
        const made = await (create ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
        send(form, create ? "credential" : "passkey", encodeCredential(made));
      } catch (error) {
        said.textContent = (error instanceof RangeError && error.message) || said.dataset.failed;
      }
      button.removeAttribute("aria-busy");
      busy = false;
    };
    document.addEventListener("click", click);
    return () => document.removeEventListener("click", click);
  }, []);
  return null;
}
