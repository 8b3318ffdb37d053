// Forms: sent once, checked by the server, with drafts that survive a lost connection. See form.py and forms/handling.py.
import { createContext, createElement as h, useContext, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useBlocker, useLocation, useNavigate } from "react-router";

// See client.js.
const { dirty, arrivals } = (globalThis.odoForms ??= { dirty: new Set(), arrivals: new Map() });
const withoutLanguage = (path) => path.replace(/^\/(fr|en)(?=\/|$)/, "").replace(/\/$/, "");

const NO_STATUS = { errors: {}, error: "", notice: "", shown: [], kept: false };
const FormContext = createContext({ ...NO_STATUS, busy: false });
const TIMEOUT_SECONDS = 30;

const onceKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
const fields = (form) => [...form.elements].filter((f) => f.name && !["hidden", "submit", "button"].includes(f.type));
const secret = (field) => field.type === "password" || "secret" in field.dataset;

// Returns the values by field; an unchecked box is "".
function valuesOf(form, secrets) {
  const out = {};
  for (const f of fields(form)) {
    if (secret(f) && !secrets) continue;
    if (f.type === "checkbox") out[f.name] = f.checked ? f.value : "";
    else if (f.type !== "radio") out[f.name] = f.value;
    else if (f.checked) out[f.name] = f.value;
  }
  return out;
}

function fillIn(form, values) {
  for (const f of fields(form)) {
    if (f.type === "checkbox" || f.type === "radio") f.checked = values[f.name] === f.value;
    else f.value = values[f.name] ?? "";
  }
}

const same = (a, b) => Object.keys({ ...a, ...b }).every((k) => (a[k] ?? "") === (b[k] ?? ""));

// Stores a form's draft in this tab, for this person; never passwords.
function draftStorage(owner, path, search, name, key) {
  const slot = ["odo_draft", owner, withoutLanguage(path), new URLSearchParams(search).get("account") ?? "", name, key].join(" ");
  return {
    get: () => { try { return JSON.parse(sessionStorage.getItem(slot)); } catch { return null; } },
    set: (draft) => { try { sessionStorage.setItem(slot, JSON.stringify(draft)); } catch { /* storage is full or disabled: the form works without a draft */ } },
    drop: () => sessionStorage.removeItem(slot),
  };
}

async function post(address, body) {
  const answer = await fetch(address, {
    method: "POST", body, redirect: "manual", headers: { accept: "application/json" }, signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
  });
  if (answer.type === "opaqueredirect") return { ended: true };
  const json = (answer.headers.get("content-type") ?? "").startsWith("application/json");
  return { status: answer.status, ...(json ? await answer.json() : {}) };
}

export function PortalForm({ name, record, loaded, owner, version, initial, reset, texts, confirm, children, onDone, ...rest }) {
  const box = useRef(null);
  const { pathname, search } = useLocation();
  const navigate = useNavigate();
  const [said, setSaid] = useState(NO_STATUS);
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(null);
  const formState = useRef({ once: "", version: null, base: {}, sending: false });
  const draft = draftStorage(owner, pathname, search, name, record);

  const setStored = (values, of) => {
    const form = box.current;
    fillIn(form, values);
    Object.assign(formState.current, { version: of, base: valuesOf(form, true), once: formState.current.once || onceKey() });
    dirty.delete(formState);
  };
  const trackChanges = () => {
    const form = box.current;
    const now = valuesOf(form, true);
    if (same(now, formState.current.base)) { dirty.delete(formState); draft.drop(); return; }
    dirty.add(formState);
    const open = valuesOf(form, false);
    const before = Object.fromEntries(Object.keys(open).map((k) => [k, formState.current.base[k]]));
    if (same(open, before)) draft.drop();
    else draft.set({ version: formState.current.version, values: open });
  };

  // Fill in the stored values unless there are unsaved changes; the first time, restore what was typed before the script loaded, or the draft.
  useLayoutEffect(() => {
    const form = box.current;
    const first = formState.current.version === null;
    if (!first && dirty.has(formState)) return;
    setStored(initial, version);
    if (!first) return;
    const early = arrivals.get(name);
    if (early && (early.values.get("key") ?? "") === record) {
      arrivals.delete(name);
      for (const f of fields(form)) {
        if (f.type === "checkbox" || f.type === "radio") f.checked = early.values.get(f.name) === f.value;
        else if (early.values.has(f.name)) f.value = early.values.get(f.name);
      }
      trackChanges();
      setSaid({ ...NO_STATUS, errors: early.errors, error: early.error, notice: early.notice });
      return;
    }
    const kept = draft.get();
    const stored = Object.fromEntries(Object.keys(kept?.values ?? {}).map((k) => [k, formState.current.base[k]]));
    if (!kept || same(kept.values, stored)) return;
    fillIn(form, { ...initial, ...kept.values });
    formState.current.version = kept.version;
    dirty.add(formState);
    setSaid({ ...NO_STATUS, kept: true });
  }, [loaded, record]);
  useEffect(() => () => dirty.delete(formState), []);

  // Mark invalid fields for assistive technology, and move the focus to the summary.
  useEffect(() => {
    for (const f of fields(box.current)) said.errors[f.name] ? f.setAttribute("aria-invalid", "true") : f.removeAttribute("aria-invalid");
    if (Object.keys(said.errors).length || said.error) box.current.querySelector("[data-summary]")?.focus();
  }, [said]);

  const handleAnswer = (answer) => {
    const now = formState.current;
    if (answer.ended) {
      dirty.clear();
      window.location.reload();
      return;
    }
    // After a definite answer use a new key. Without one the same key is sent again, so that nothing is done twice.
    if (answer.ok || answer.status === 422) now.once = onceKey();
    if (!answer.ok) {
      if (answer.version) now.version = answer.version;
      const known = fields(box.current).map((f) => f.name);
      const stray = Object.entries(answer.errors ?? {}).filter(([field]) => !known.includes(field)).map(([, text]) => text);
      const error = [answer.error ?? (answer.errors ? "" : texts.failed), ...stray].filter(Boolean).join(" ");
      setSaid({ ...NO_STATUS, errors: answer.errors ?? {}, error });
      return;
    }
    draft.drop();
    const values = reset ? initial : valuesOf(box.current, false);
    setStored(values, now.version);
    setSaid({ ...NO_STATUS, notice: answer.notice, shown: answer.shown });
    // Reconnecting the socket reloads the page's state, which would remove lines that are shown only once.
    if (answer.renewed) {
      if (!answer.shown.length) window.dispatchEvent(new Event("odo-renewed"));
      return;
    }
    if (answer.go) answer.go.startsWith("/") && !answer.go.startsWith("/auth/") ? navigate(answer.go) : window.location.assign(answer.go);
    onDone?.();
  };
  const send = async (button) => {
    const now = formState.current;
    if (now.sending) return;
    now.sending = true;
    setBusy(true);
    const body = new URLSearchParams(new FormData(box.current, button));
    body.set("form", name);
    body.set("key", record);
    body.set("once", now.once);
    body.set("version", now.version);
    let answer;
    try {
      answer = await post(pathname + search, body);
    } catch {
      answer = { status: 0, errors: {}, error: texts.lost };
    }
    now.sending = false;
    setBusy(false);
    handleAnswer(answer);
  };
  const submit = (e) => {
    e.preventDefault();
    const button = e.nativeEvent.submitter;
    confirm ? setAsking({ button }) : send(button);
  };
  const discard = () => { draft.drop(); setStored(initial, version); setSaid(NO_STATUS); };

  return h("form", { ...rest, ref: box, method: "post", noValidate: true, "aria-busy": busy || undefined, onSubmit: submit, onInput: trackChanges },
    h(FormContext.Provider, { value: { ...said, busy, discard, texts } }, children),
    confirm && h(Ask, { ...confirm, open: asking !== null, danger: true, onNo: () => setAsking(null), onYes: () => { const { button } = asking; setAsking(null); send(button); } }));
}

// Asks before unsaved changes are left behind by a link or by closing the page.
export function LeaveGuard({ title, text, stay, leave }) {
  const open = (search) => new URLSearchParams(search).get("open");
  // The question is drawn some time after the click: Escape pressed in between answers it, and it is not shown.
  const waiting = useRef(false);
  const stayed = useRef(false);
  const blocker = useBlocker(({ currentLocation: a, nextLocation: b }) => {
    waiting.current = dirty.size > 0 && (withoutLanguage(a.pathname) !== withoutLanguage(b.pathname) || open(a.search) !== open(b.search));
    stayed.current = false;
    return waiting.current;
  });
  const blocked = blocker.state === "blocked";
  useLayoutEffect(() => {
    const press = (e) => { if (e.key === "Escape" && waiting.current) stayed.current = true; };
    document.addEventListener("keydown", press, true);
    return () => document.removeEventListener("keydown", press, true);
  }, []);
  useLayoutEffect(() => {
    if (!blocked) return;
    waiting.current = false;
    if (stayed.current) blocker.reset();
  }, [blocked]);
  useEffect(() => {
    const ask = (e) => { if (dirty.size) e.preventDefault(); };
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, []);
  return h(Ask, { open: blocked && !stayed.current, title, text, verb: leave, keep: stay, onNo: () => blocker.reset(), onYes: () => { dirty.clear(); blocker.proceed(); } });
}

// A question before something that cannot be undone; the focus is on the safe answer.
function Ask({ open, title, text, verb, keep, danger, onYes, onNo }) {
  const box = useRef(null);
  const safe = useRef(null);
  // A layout effect runs in the same moment as the drawing, so that no key press is lost in between.
  useLayoutEffect(() => {
    if (!open) return;
    box.current.showModal();
    safe.current.focus();
  }, [open]);
  if (!open) return null;
  return h("dialog", { ref: box, className: "dialog dialog-ask", role: "alertdialog", "aria-labelledby": "ask-title", "aria-describedby": "ask-text",
    onCancel: (e) => { e.preventDefault(); onNo(); } },
    h("div", { className: "card-pad" }, h("h2", { id: "ask-title" }, title), h("p", { id: "ask-text", className: "soft" }, text)),
    h("footer", null, h("span", { className: "push" }),
      h("button", { type: "button", className: "button button-second", ref: safe, onClick: onNo }, keep),
      h("button", { type: "button", className: danger ? "button button-danger" : "button button-primary", onClick: onYes }, verb)));
}

// The error of the whole form and, as links, of each field. It can take the focus.
export function FormSummary({ title, labels, icon }) {
  const { errors, error } = useContext(FormContext);
  const wrong = labels.filter(([field]) => errors[field]);
  const any = Boolean(error || wrong.length);
  return h("div", { role: "alert", tabIndex: -1, "data-summary": "", className: any ? "form-summary" : "sr" },
    any && icon,
    any && h("div", null,
      h("p", { className: "b" }, error || title),
      wrong.length > 0 && h("ul", null, wrong.map(([field, label, target]) => h("li", { key: field }, h("a", { href: "#" + target,
        onClick: (e) => { e.preventDefault(); document.getElementById(target)?.focus(); } }, label + errors[field]))))));
}

// The note below a field: its hint, or its error.
export function FieldNote({ field, id, icon, children }) {
  const { errors } = useContext(FormContext);
  return h("div", { id, className: "field-note" }, errors[field] ? h("p", { className: "field-error" }, icon, h("span", null, errors[field])) : children);
}

export function FormStatus({ icon, restored, discard, copy, copied }) {
  const said = useContext(FormContext);
  const [done, setDone] = useState(false);
  const copyLines = async () => { await navigator.clipboard.writeText(said.shown.join("\n")); setDone(true); };
  return h("div", { role: "status", className: said.notice || said.kept ? "form-status" : "sr" },
    said.notice && h("p", { className: "notice" }, icon, h("span", null, said.notice)),
    said.shown?.length > 0 && h("div", { className: "form-shown" }, h("ul", null, said.shown.map((line) => h("li", { key: line }, h("code", null, line)))),
      h("button", { type: "button", className: "button button-second button-small", onClick: copyLines }, done ? copied : copy)),
    said.kept && h("p", { className: "notice notice-quiet" }, h("span", null, restored), h("button", { type: "button", className: "button button-plain button-small", onClick: said.discard }, discard)));
}

export function SubmitButton({ children, ...rest }) {
  const { busy } = useContext(FormContext);
  return h("button", { ...rest, type: "submit", "aria-busy": busy || undefined, "aria-disabled": busy || undefined }, busy && h("span", { className: "button-spin", "aria-hidden": true }), children);
}

// A toggle button that shows a password.
export function Reveal({ target, children, ...rest }) {
  const [shown, setShown] = useState(false);
  useEffect(() => { document.getElementById(target).type = shown ? "text" : "password"; }, [shown, target]);
  return h("button", { ...rest, type: "button", "aria-pressed": shown, "aria-controls": target, onClick: () => setShown(!shown) }, children);
}

// A value that becomes a form of one field where it stands, and the button that opens it. The focus goes into the field, and back.
export function InlineEdit({ name, field, record, version, owner, initial, label, maxLength, texts, icon, children, onDone }) {
  const [open, setOpen] = useState(false);
  const opener = useRef(null);
  const wasOpen = useRef(false);
  useLayoutEffect(() => {
    if (wasOpen.current && !open) opener.current.focus();
    wasOpen.current = open;
  }, [open]);
  if (!open) {
    return h("div", { className: "inline-value" }, children,
      h("button", { type: "button", ref: opener, className: "button button-plain button-small", "data-quiet": initial ? "" : undefined, onClick: () => setOpen(true) },
        initial ? texts.rename : texts.name, h("span", { className: "sr" }, " " + record)));
  }
  const id = name + "-" + record;
  const done = () => { setOpen(false); onDone?.(); };
  return h(PortalForm, { name, record, loaded: version, owner, version, initial: { [field]: initial }, reset: false, texts, onDone: done, className: "inline-edit" },
    h(FormSummary, { title: texts.summary, labels: [], icon }),
    h("label", { htmlFor: id }, label),
    h(InlineField, { id, name: field, maxLength, onClose: () => setOpen(false) }),
    h("div", { className: "inline-acts" },
      h(SubmitButton, { className: "button button-second button-small" }, texts.save),
      h(InlineCancel, { text: texts.cancel, onClose: () => setOpen(false) })),
    h(FieldNote, { field, id: id + "-note", icon }));
}

function useCancel(onClose) {
  const { discard } = useContext(FormContext);
  return () => { discard(); onClose(); };
}

function InlineField({ id, name, maxLength, onClose }) {
  const field = useRef(null);
  const cancel = useCancel(onClose);
  useEffect(() => { field.current.focus(); field.current.select(); }, []);
  const press = (e) => { if (e.key === "Escape") { e.stopPropagation(); cancel(); } };
  return h("input", { ref: field, id, name, maxLength, className: "field-input", autoComplete: "off", "aria-describedby": id + "-note", onKeyDown: press });
}

function InlineCancel({ text, onClose }) {
  return h("button", { type: "button", className: "button button-plain button-small", onClick: useCancel(onClose) }, text);
}

// A file of text, chosen or dropped, that is written into the field with the id `target`: UTF-8, or else windows-1252, as Excel saves it.
export function TextFile({ target, most, tooLarge, children }) {
  const [error, setError] = useState("");
  const take = async (file) => {
    if (!file) return;
    setError(file.size > most ? tooLarge : "");
    if (file.size > most) return;
    const bytes = await file.arrayBuffer();
    let text;
    try { text = new TextDecoder("utf-8", { fatal: true }).decode(bytes); } catch { text = new TextDecoder("windows-1252").decode(bytes); }
    const field = document.getElementById(target);
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  };
  return h("label", { className: "file-drop", onDragOver: (e) => e.preventDefault(), onDrop: (e) => { e.preventDefault(); take(e.dataTransfer.files[0]); } },
    h("input", { type: "file", accept: ".csv,.txt,text/csv,text/plain", className: "sr", onChange: (e) => { take(e.target.files[0]); e.target.value = ""; } }),
    children, h("span", { role: "alert", className: error ? "field-error" : "sr" }, error));
}
