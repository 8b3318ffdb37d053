// Browser components of the portal. Their Python wrappers are in client.py.
import { createContext, createElement as h, useCallback, useContext, useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";
import { Link, useLocation, useNavigate, useSearchParams } from "react-router";
import { ColorModeContext } from "$/utils/context-registry";
import { createPortal } from "react-dom";

const WIDE = "(min-width: 1024px)";
const CHANNEL = "odoportal";

// State that forms and the page around them share, across files. `dirty`: the forms with unsaved changes (code that leaves the page by
// itself clears it, so that no question is asked). `arrivals`: what was typed into the document's forms before the live forms replaced them.
const { dirty, arrivals } = (globalThis.odoForms ??= { dirty: new Set(), arrivals: new Map() });

// Saves what was typed into a form of the document, and the errors and notices the server wrote into it.
function saveArrival(form) {
  const touched = (f) => f.type === "checkbox" || f.type === "radio" ? f.checked !== f.defaultChecked
    : f.options ? [...f.options].some((o) => o.selected !== o.defaultSelected) : f.type !== "hidden" && f.value !== f.defaultValue;
  const summary = form.querySelector(".form-summary");
  const notice = form.querySelector(".form-status .notice span, [role=status] .notice span")?.textContent ?? "";
  const named = [...form.elements].filter((f) => f.name);
  if (!summary && !notice && !named.some(touched)) return;
  const errors = Object.fromEntries(named.map((f) => [f.name, f.id && document.getElementById(f.id + "-note")?.querySelector(".field-error span")?.textContent]).filter(([, text]) => text));
  arrivals.set(form.dataset.form, { values: new FormData(form), errors, error: Object.keys(errors).length ? "" : summary?.textContent ?? "", notice });
}

// Returns whether the page shows that the connection is lost; see `connection.js`.
const watchConnection = (notify) => { window.addEventListener("odo-away", notify); return () => window.removeEventListener("odo-away", notify); };
const useConnectionLost = () => useSyncExternalStore(watchConnection, () => document.documentElement.hasAttribute("data-away"), () => false);

const subscribeNothing = () => () => {};
const account = () => new URLSearchParams(window.location.search).get("account") ?? "";

function withAccount(to, own) {
  return !own || to.includes("account=") ? to : to + (to.includes("?") ? "&" : "?") + "account=" + encodeURIComponent(own);
}

function hidePopovers() {
  document.querySelectorAll(":popover-open").forEach((p) => p.hidePopover());
}

// Returns whether the portal follows a click on a link: not if the browser opens it elsewhere or must load a document (`data-plain`, see `connection.js`).
function followsInPage(e, a) {
  if (document.documentElement.hasAttribute("data-plain") && !dirty.size) return false;
  return !(e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey || a.target || a.origin !== window.location.origin);
}

// Navigates to another address of the same page. `odoAsk` (see `frontend/pre_build.py`) requests its content at once instead of after the
// page is drawn for the new address; `flushSync` draws that in one go, so that no answer arrives in between.
function turn(navigate, to, options) {
  if (!dirty.size) globalThis.odoAsk?.(new URL(to, window.location.href));
  navigate(to, { ...options, preventScrollReset: true, flushSync: true });
}

// Returns navigation options for a record: on top of its list, or replacing a record that is open or opening, so that Close leads to the list.
function recordOptions() {
  const open = new URLSearchParams(window.location.search).has("open");
  return open ? { replace: true, state: window.history.state?.usr } : { state: { fromList: true } };
}

// A link inside the portal. `how`: "open" marks a dialog opened from its list, "swap" the next record in it. It is not the router's Link:
// a page has a hundred links, and the router would draw each of them again with every change of the address.
export function PortalLink({ to, how, children, ...rest }) {
  const navigate = useNavigate();
  const own = useSyncExternalStore(subscribeNothing, account, () => "");
  const href = withAccount(to, own);
  const onClick = (e) => {
    const a = e.currentTarget;
    hidePopovers();
    if (!followsInPage(e, a)) return;
    e.preventDefault();
    const there = a.pathname + a.search + a.hash;
    to.startsWith("?") ? turn(navigate, there, how ? recordOptions() : {}) : navigate(there);
  };
  return h("a", { ...rest, href, onClick }, children);
}

export function LanguageLink({ to, language, reloadDocument, children, ...rest }) {
  const { search, state } = useLocation();
  const link = useRef(null);
  const remember = () => {
    document.cookie = `odo_language=${language}; path=/; max-age=31536000; samesite=lax`;
    hidePopovers();
  };
  const about = { ...rest, hrefLang: language, lang: language, onClick: remember };
  // The page is built without a search, and hydration keeps the built address: set it afterwards.
  useEffect(() => { if (reloadDocument) link.current.href = to + search; }, [to, search]);
  return reloadDocument ? h("a", { ...about, href: to, ref: link }, children) : h(Link, { ...about, to: to + search, state }, children);
}

function listAddress(change) {
  const next = new URLSearchParams(window.location.search);
  for (const [name, value] of Object.entries(change)) value ? next.set(name, value) : next.delete(name);
  next.delete("page");
  next.delete("open");
  return window.location.pathname + (next.size ? "?" + next : "");
}

// Returns a text in which digits joined by hyphens, as in a date, stay on one line: browsers would break after a hyphen. The text itself
// keeps its plain hyphens, so that a date can be searched on the page and copied.
export function unbroken(text) {
  if (typeof text !== "string" || !/[0-9]-[0-9]/.test(text)) return text;
  // Each part is an element, so that a translated page shows what changes (see `_settled` in template.py).
  return text.split(/([0-9]+(?:-[0-9]+)+)/).map((part, at) => part && h(at % 2 ? "span" : "bdi", { className: at % 2 ? "unbroken" : undefined, key: at }, part));
}

// A native GET form; typing navigates 100 ms after the last key.
export function SearchForm({ label, hint, clear, icon, cross }) {
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const input = useRef(null);
  const timer = useRef(0);
  const started = useRef(false);
  const asked = params.get("q") ?? "";
  const [filled, setFilled] = useState(false);
  const away = useConnectionLost();
  const go = useCallback(() => {
    clearTimeout(timer.current);
    // While the connection is lost, wait: the search runs when it is back.
    if (away) return;
    const value = input.current.value.trim();
    const now = new URLSearchParams(window.location.search).get("q") ?? "";
    if (value !== now) turn(navigate, listAddress({ q: value }), { replace: true });
  }, [navigate, away]);
  const wasAway = useRef(false);
  useEffect(() => {
    if (wasAway.current && !away) go();
    wasAway.current = away;
  }, [away, go]);
  useEffect(() => {
    const field = input.current;
    const first = !started.current;
    started.current = true;
    // Typed before the script loaded: search for it.
    if (first && field.value && field.value !== asked) return go();
    if (document.activeElement !== field || first) field.value = asked;
    setFilled(!!field.value);
  }, [asked]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const typed = () => {
    setFilled(!!input.current.value);
    clearTimeout(timer.current);
    timer.current = setTimeout(go, 100);
  };
  const empty = () => { input.current.value = ""; setFilled(false); go(); input.current.focus(); };
  return h("form", { role: "search", method: "get", className: "toolbar-search", onSubmit: (e) => { e.preventDefault(); go(); } },
    h("label", { htmlFor: "search", className: "toolbar-label" }, label),
    h("span", { className: "field-input" }, icon,
      h("input", { ref: input, id: "search", type: "search", name: "q", placeholder: hint, autoComplete: "off", maxLength: 100,
        enterKeyHint: "search", onChange: typed }),
      filled && h("button", { type: "button", className: "toolbar-clear", "aria-label": clear, onClick: empty }, cross)));
}

// A native GET form. With `auto` a change applies at once, otherwise the button applies it.
export function ListForm({ auto, children, ...rest }) {
  const navigate = useNavigate();
  const { search } = useLocation();
  const form = useRef(null);
  useEffect(() => {
    const params = new URLSearchParams(search);
    for (const field of form.current.elements)
      if (field.name && field.type !== "hidden" && document.activeElement !== field)
        field.value = params.get(field.name) ?? field.dataset.plain ?? "";
  }, [search]);
  // With `auto`, disable the fields while the connection is lost: a change could not be applied.
  const off = useConnectionLost() && auto;
  useEffect(() => { for (const field of form.current.elements) field.disabled = off; }, [off]);
  const apply = (e) => {
    e?.preventDefault();
    const change = {};
    for (const field of form.current.elements)
      if (field.name && field.type !== "hidden") change[field.name] = field.value === field.dataset.plain ? "" : field.value;
    turn(navigate, listAddress(change));
    form.current.closest("[popover]")?.hidePopover();
  };
  return h("form", { ...rest, ref: form, method: "get", onSubmit: apply, onChange: auto ? () => apply() : undefined }, children);
}

// A dialog that is open while the address has `open=…`. Escape, Back and other links act on it from the moment a link opens it, even before
// it is drawn. A dialog that the server wrote stays until the page's state is filled.
export function UrlDialog({ ready, shown, loading, children }) {
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const asked = params.get("open");
  const last = useRef(null);
  const before = useRef(null);
  useEffect(() => {
    if (asked) last.current = asked;
    before.current = asked;
  }, [asked]);
  // `navigate(-1)` takes effect later: a second close in between must not go back beyond the list.
  const leaving = useRef(false);
  const close = () => {
    const next = new URLSearchParams(window.location.search);
    if (leaving.current || !next.has("open")) return;
    if (window.history.state?.usr?.fromList) {
      leaving.current = true;
      return navigate(-1);
    }
    next.delete("open");
    navigate({ search: next.toString() }, { replace: true, preventScrollReset: true });
  };
  const now = useRef(null);
  now.current = close;
  useLayoutEffect(() => {
    const arrived = () => { leaving.current = false; };
    // A question or a menu in the top layer, above the dialog, handles Escape itself.
    const press = (e) => {
      if (e.key === "Escape" && !e.defaultPrevented && !document.querySelector("dialog[open], :popover-open")) now.current();
    };
    window.addEventListener("popstate", arrived);
    document.addEventListener("keydown", press);
    return () => {
      window.removeEventListener("popstate", arrived);
      document.removeEventListener("keydown", press);
    };
  }, []);
  // When a new document's address opened it, it replaces the dialog that the server wrote, without playing the opening animation again.
  const [written] = useState(() => typeof document !== "undefined" && document.querySelector(".dialog-scrim:not([data-state])") ? asked : null);
  const still = written && written === asked ? " dialog-still" : "";
  const current = asked && shown === asked;
  const stepping = !current && shown && before.current && before.current !== asked && shown === before.current;
  const back = () => {
    const row = document.querySelector(`#live [data-open="${CSS.escape(last.current ?? "")}"]`);
    const visible = [...document.querySelectorAll(`[data-open="${CSS.escape(last.current ?? "")}"]`)].find((l) => l.offsetParent);
    (visible ?? row ?? document.querySelector("main"))?.focus({ preventScroll: !visible });
  };
  if (!asked || (!ready && written === asked)) return null;
  return h(Modal, { still, busy: !current, close, back }, current || stepping ? children : loading);
}

const CloseContext = createContext(null);

// A modal dialog. From the moment it is drawn, the page beneath it is inert except for banners. A press beside the dialog closes it.
function Modal({ still, busy, close, back, children }) {
  const box = useRef(null);
  const now = useRef(null);
  now.current = { back };
  useLayoutEffect(() => {
    const root = document.documentElement;
    const beneath = [...document.body.children].filter((e) => !e.contains(box.current) && !e.inert && !e.matches("[role=status], [role=alert], script"));
    const bar = window.innerWidth - root.clientWidth;
    beneath.forEach((e) => { e.inert = true; });
    Object.assign(root.style, { overflow: "hidden", paddingRight: bar + "px" });
    box.current.focus();
    return () => {
      beneath.forEach((e) => { e.inert = false; });
      Object.assign(root.style, { overflow: "", paddingRight: "" });
      now.current.back();
    };
  }, []);
  // The element that had the focus may have disappeared with the previous record.
  useEffect(() => { if (document.activeElement === document.body) box.current.focus({ preventScroll: true }); });
  return createPortal(
    h("div", { className: "dialog-scrim" + still, "data-state": "open", onPointerDown: (e) => { if (e.target === e.currentTarget && !e.button) close(); } },
      h("div", { ref: box, className: "dialog", role: "dialog", "aria-modal": true, "aria-labelledby": "dialog-title", "aria-busy": busy || undefined, tabIndex: -1 },
        h(CloseContext.Provider, { value: close }, children))),
    document.body);
}

export function DialogTitle({ children }) {
  return h("h2", { id: "dialog-title" }, children);
}

export function DialogClose({ children, ...rest }) {
  return h("button", { type: "button", ...rest, onClick: useContext(CloseContext) }, children);
}

// Keeps a menu open that was opened before the live menu replaced it, with the choices made in it.
function stayOpen(open) {
  if (!open) return;
  const chosen = [...open.querySelectorAll("input[id], select[id]")].map((field) => [field.id, field.value, field.id === document.activeElement?.id]);
  const pressed = open.contains(document.activeElement) ? "" : document.activeElement?.getAttribute("popovertarget");
  queueMicrotask(() => {
    document.getElementById(open.id)?.showPopover();
    if (pressed === open.id) document.querySelector(`[popovertarget="${CSS.escape(pressed)}"]`)?.focus();
    for (const [id, value, focused] of chosen) {
      const field = document.getElementById(id);
      if (field) field.value = value;
      if (focused) field?.focus();
    }
  });
}

// The HTML that the server wrote, until the live part takes over. Its links work without a new document, and the live part keeps the focus.
export function ServerHtml({ name, html }) {
  const navigate = useNavigate();
  const box = useRef(null);
  useLayoutEffect(() => {
    const holder = box.current;
    return () => {
      holder?.querySelectorAll("form[data-form]").forEach(saveArrival);
      stayOpen(holder?.querySelector(":popover-open"));
      const focused = document.activeElement;
      if (!holder?.contains(focused)) return;
      const [id, at] = [focused.id, focused.selectionStart];
      if (id && focused.form?.dataset.form) {
        queueMicrotask(() => {
          const twin = document.getElementById(id);
          twin?.focus({ preventScroll: true });
          if (at !== null && at !== undefined && twin?.selectionStart !== null) twin?.setSelectionRange(at, at);
        });
        return;
      }
      const key = focused.dataset.open;
      const href = focused.getAttribute("href");
      queueMicrotask(() => {
        const twins = key ? document.querySelectorAll(`[data-open="${CSS.escape(key)}"]`) : href ? document.querySelectorAll(`a[href$="${CSS.escape(href)}"]`) : [];
        [...twins].find((t) => t.offsetParent)?.focus({ preventScroll: true });
      });
    };
  }, []);
  const onClick = (e) => {
    const a = e.target.closest("a[href]");
    if (!a || !followsInPage(e, a) || "out" in a.dataset) return;
    e.preventDefault();
    const here = a.pathname === location.pathname;
    navigate(withAccount(a.pathname + a.search, account()), { ...(a.dataset.open && here ? recordOptions() : {}), preventScrollReset: here, flushSync: here });
  };
  return h("div", { className: "layout-first", "data-slot": name, ref: box, onClick, suppressHydrationWarning: true, dangerouslySetInnerHTML: { __html: html } });
}

// A list is drawn as a table and as cards, and only the one for the screen's width is rendered. In print both are, and the style sheet hides one.
const NARROW = "(max-width: 640px)";
let printing = false;
function screens(changed) {
  const narrow = window.matchMedia(NARROW);
  const paper = (e) => { printing = e.type === "beforeprint"; changed(); };
  narrow.addEventListener("change", changed);
  window.addEventListener("beforeprint", paper);
  window.addEventListener("afterprint", paper);
  return () => {
    narrow.removeEventListener("change", changed);
    window.removeEventListener("beforeprint", paper);
    window.removeEventListener("afterprint", paper);
  };
}
const screen = () => (printing ? "paper" : window.matchMedia(NARROW).matches ? "narrow" : "wide");

export function OnScreen({ as, on, children, ...rest }) {
  const now = useSyncExternalStore(screens, screen, () => "paper");
  return now === on || now === "paper" ? h(as, rest, children) : null;
}

// Sets the title of the tab: the list with its page, or the open record.
export function PageTitle({ text }) {
  useEffect(() => { if (text) document.title = text + " · ODOportal"; }, [text]);
  return null;
}

// Keeps the old rows while new ones are loading, dimmed after 200 ms.
export function Busy({ version, children }) {
  const { search } = useLocation();
  const first = useRef(true);
  const [waiting, setWaiting] = useState(false);
  const [dim, setDim] = useState(false);
  useEffect(() => {
    if (first.current) { first.current = false; return; }
    setWaiting(true);
  }, [search]);
  useEffect(() => setWaiting(false), [version]);
  useEffect(() => {
    if (!waiting) { setDim(false); return; }
    const timer = setTimeout(() => setDim(true), 200);
    return () => clearTimeout(timer);
  }, [waiting]);
  return h("div", { id: "live", "aria-busy": waiting || undefined, className: dim ? "list-busy" : undefined }, children);
}

// The selected rows of a list, across its pages: cents by number, or all rows that match the filter `all`.
let selection = { list: "", rows: new Map(), all: null };
const watchers = new Set();
const watch = (notify) => { watchers.add(notify); return () => watchers.delete(notify); };
function select(change) { selection = { ...selection, ...change }; watchers.forEach((notify) => notify()); }
function useSelection() {
  const { pathname, search } = useLocation();
  const now = useSyncExternalStore(watch, () => selection, () => selection);
  const list = pathname + "?" + (new URLSearchParams(search).get("account") ?? "");
  return now.list === list ? now : { list, rows: new Map(), all: null };
}
const filterOf = (search) => {
  const query = new URLSearchParams(search);
  ["page", "open", "size", "sort"].forEach((name) => query.delete(name));
  return query.toString();
};

export function RowCheckbox({ number, cents, label }) {
  const now = useSelection();
  const { search } = useLocation();
  const all = now.all !== null && now.all === filterOf(search);
  const flip = () => {
    const rows = new Map(all ? [] : now.rows);
    rows.has(number) ? rows.delete(number) : rows.set(number, cents);
    select({ list: now.list, rows, all: null });
  };
  return h("label", { className: "table-pick" },
    h("input", { type: "checkbox", checked: all || now.rows.has(number), onChange: flip, "aria-label": label + " " + number }));
}

export function PageCheckbox({ rows, label }) {
  const now = useSelection();
  const box = useRef(null);
  const count = rows.filter(([number]) => now.rows.has(number)).length;
  const full = now.all !== null || (count === rows.length && count > 0);
  useEffect(() => { if (box.current) box.current.indeterminate = count > 0 && !full; });
  const flip = () => {
    const next = new Map(now.all === null ? now.rows : []);
    rows.forEach(([number, cents]) => (full ? next.delete(number) : next.set(number, cents)));
    select({ list: now.list, rows: next, all: null });
  };
  return h("label", { className: "table-pick" }, h("input", { ref: box, type: "checkbox", checked: full, onChange: flip, "aria-label": label }));
}

// The bar over the rows: count, sum, further actions, and a file of the rows, such as a ZIP of documents, which the server makes while it
// is downloaded.
export function SelectionBar({ total, action, region, sums, texts, icon, children }) {
  const now = useSelection();
  const { search } = useLocation();
  const [done, setDone] = useState(null);
  const [said, setSaid] = useState("");
  const stop = useRef(null);
  const count = now.all !== null ? total : now.rows.size;
  const money = new Intl.NumberFormat(region, { style: "currency", currency: "CAD", currencyDisplay: "narrowSymbol" });
  const whole = new Intl.NumberFormat(region);
  const few = region.startsWith("fr") ? count < 2 : count === 1;
  const fetchFile = async () => {
    const form = new URLSearchParams();
    const account = new URLSearchParams(search).get("account");
    if (now.all !== null) { form.set("all", "1"); form.set("query", now.all); } else now.rows.forEach((_, number) => form.append("number", number));
    stop.current = new AbortController();
    setDone(0);
    setSaid("");
    try {
      const answer = await fetch(action + (account ? "?account=" + encodeURIComponent(account) : ""), { method: "POST", body: form, signal: stop.current.signal });
      // Without a session, the answer is the page to sign in.
      if (!answer.ok || answer.redirected) throw new Error(answer.status === 422 ? await answer.text() : texts.failed);
      const reader = answer.body.getReader();
      const parts = [];
      let files = 0;
      for (;;) {
        const { done: end, value } = await reader.read();
        if (end) break;
        // Count the files for the progress bar: each file in a ZIP begins with the same four bytes.
        for (let i = value.indexOf(0x50); i >= 0; i = value.indexOf(0x50, i + 1)) if (value[i + 1] === 0x4b && value[i + 2] === 3 && value[i + 3] === 4) files += 1;
        parts.push(value);
        setDone(files);
      }
      const name = /filename="?([^";]+)/.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? "";
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(parts, { type: answer.headers.get("content-type") }));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      setSaid(texts.saved.replace("{name}", name));
    } catch (error) {
      setSaid(error.name === "AbortError" ? texts.stopped : error instanceof TypeError ? texts.failed : error.message);
    }
    setDone(null);
  };
  if (!count) return h("p", { role: "status", className: "sr" }, said);
  const sum = [...now.rows.values()].reduce((a, b) => a + b, 0) / 100;
  return h("div", { className: "table-selection" },
    h("b", { role: "status" }, (few ? texts.one : texts.many).replace("{n}", whole.format(count))),
    sums && now.all === null && h("span", { className: "soft" }, money.format(sum)),
    now.all === null && count < total && h("button", { type: "button", className: "button button-plain button-small", onClick: () => select({ list: now.list, rows: new Map(), all: filterOf(search) }) }, texts.all.replace("{n}", whole.format(total))),
    h("button", { type: "button", className: "button button-plain button-small", onClick: () => select({ list: now.list, rows: new Map(), all: null }) }, texts.clear),
    h("span", { className: "push" }),
    h("span", { role: "status", className: "small soft" }, said),
    done === null
      ? h("button", { type: "button", className: "button button-second", "data-server": "", onClick: fetchFile }, icon, texts.file)
      : h("span", { className: "layout-row" },
          h("progress", { max: count, value: Math.min(done, count), "aria-label": texts.file }),
          h("span", { className: "small" }, texts.progress.replace("{n}", whole.format(Math.min(done, count))).replace("{total}", whole.format(count))),
          h("button", { type: "button", className: "button button-second button-small", onClick: () => stop.current?.abort() }, texts.stop)),
    children);
}

export function SelectionForm({ name, failed, children }) {
  const now = useSelection();
  const { pathname, search } = useLocation();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState("");
  const send = async () => {
    if (busy) return;
    setBusy(true);
    const once = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
    const rows = now.all !== null ? { every: "1", query: now.all } : { numbers: [...now.rows.keys()].join("\n") };
    const body = new URLSearchParams({ form: name, once, ...rows });
    try {
      const answer = await fetch(pathname + search, { method: "POST", body, headers: { accept: "application/json" } });
      const { go, error, errors } = await answer.json();
      if (go) return navigate(go);
      setSaid(error || Object.values(errors)[0] || failed);
    } catch {
      setSaid(failed);
    }
    setBusy(false);
  };
  return h("span", { className: "layout-row" },
    h("span", { role: "status", className: "small soft" }, said),
    h("button", { type: "button", className: "button button-primary", "data-server": "", "aria-busy": busy || undefined, onClick: send }, children));
}

export function PrintButton({ children, ...rest }) {
  return h("button", { ...rest, type: "button", onClick: () => { document.querySelectorAll(":popover-open").forEach((p) => p.hidePopover()); window.print(); } }, children);
}

// Warns before the session ends, and leaves for sign-in when it has ended, here or in another tab.
export function SessionWarning({ gone, ends, title, text, stay, onStay }) {
  const [warn, setWarn] = useState(false);
  useEffect(() => { if (gone) { dirty.clear(); window.location.assign(gone); } }, [gone]);
  useEffect(() => {
    setWarn(false);
    if (!ends) return;
    const left = ends * 1000 - Date.now();
    const soon = setTimeout(() => setWarn(true), Math.min(Math.max(left - 120000, 0), 2147483647));
    const end = setTimeout(() => { dirty.clear(); window.location.reload(); }, Math.min(left + 1500, 2147483647));
    return () => { clearTimeout(soon); clearTimeout(end); };
  }, [ends]);
  useEffect(() => {
    const channel = new BroadcastChannel(CHANNEL);
    channel.onmessage = () => { dirty.clear(); window.location.reload(); };
    const shown = (e) => { if (e.persisted) window.location.reload(); };
    window.addEventListener("pageshow", shown);
    return () => { channel.close(); window.removeEventListener("pageshow", shown); };
  }, []);
  if (!warn) return h("div", { role: "alert", className: "sr" });
  return h("div", { role: "alert", className: "notice-banner notice-floating" },
    h("span", null, h("b", null, title), " ", text),
    h("button", { type: "button", className: "button button-second button-small", "data-server": "", onClick: () => { setWarn(false); onStay?.(); } }, stay));
}

// A notice that is shown each time `count` increases. It stays for 30 s, so that its number can be written down.
export function FloatingNotice({ count, text, number, close }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!count) return;
    setShown(true);
    const timer = setTimeout(() => setShown(false), 30000);
    return () => clearTimeout(timer);
  }, [count]);
  return h("div", { role: "alert", className: shown ? "notice-banner notice-floating" : "sr" },
    shown && h("span", null, text.replace("{number}", number)),
    shown && h("button", { type: "button", className: "button button-second button-small", onClick: () => setShown(false) }, close));
}

export function ColourScheme({ label, system, light, dark }) {
  const { rawColorMode, setColorMode } = useContext(ColorModeContext);
  return h("div", { className: "menu-scheme", role: "radiogroup", "aria-label": label },
    [["system", system], ["light", light], ["dark", dark]].map(([mode, text]) =>
      h("button", { key: mode, type: "button", role: "radio", "aria-checked": rawColorMode === mode, tabIndex: rawColorMode === mode ? 0 : -1,
        onClick: () => setColorMode(mode),
        onKeyDown: (e) => {
          const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
          if (!step) return;
          e.preventDefault();
          const all = [...e.currentTarget.parentElement.children];
          const next = all[(all.indexOf(e.currentTarget) + step + all.length) % all.length];
          next.focus(); next.click();
        } }, text)));
}

// The menu button: folds the sidebar on a wide screen, opens the drawer (a popover) on a narrow one. The browser remembers the choice.
export function SideToggle({ label, children }) {
  const [folded, setFolded] = useState(false);
  const apply = (value) => { document.documentElement.toggleAttribute("data-folded", value); setFolded(value); };
  useEffect(() => apply(localStorage.getItem("odo_folded") === "1"), []);
  const onClick = (e) => {
    if (!window.matchMedia(WIDE).matches) return;
    e.preventDefault();
    const value = !document.documentElement.hasAttribute("data-folded");
    localStorage.setItem("odo_folded", value ? "1" : "");
    apply(value);
  };
  return h("button", { type: "button", className: "header-button", "aria-label": label, "aria-expanded": !folded, popoverTarget: "drawer", onClick }, children);
}

// Keyboard shortcuts: `/` goes to the search, `j` and `k` go through the rows, `?` shows the keys. They can be switched off.
export function KeyboardShortcuts({ title, keys, off, on, close }) {
  const [enabled, setEnabled] = useState(true);
  const box = useRef(null);
  useEffect(() => setEnabled(localStorage.getItem("odo_keys") !== "off"), []);
  useEffect(() => {
    const press = (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, [contenteditable]")) return;
      if (e.key === "?") { e.preventDefault(); box.current?.showPopover(); return; }
      if (!enabled || document.querySelector(".dialog")) return;
      if (e.key === "/") { e.preventDefault(); document.querySelector("#search")?.focus(); }
      if (e.key === "j" || e.key === "k") {
        const rows = [...document.querySelectorAll("[data-row] [data-open]")].filter((r) => r.offsetParent);
        const step = e.key === "j" ? 1 : -1;
        rows[Math.max(0, Math.min(rows.length - 1, rows.indexOf(document.activeElement) + step))]?.focus();
      }
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [enabled]);
  const flip = () => { localStorage.setItem("odo_keys", enabled ? "off" : "on"); setEnabled(!enabled); };
  return h("div", { popover: "auto", id: "keys", className: "menu menu-keys", ref: box, role: "dialog", "aria-label": title },
    h("h2", null, title),
    h("dl", null, keys.map(([key, text]) => [h("dt", { key }, h("kbd", null, key)), h("dd", { key: key + "d" }, text)])),
    h("div", { className: "layout-row" },
      h("button", { type: "button", className: "button button-second", "aria-pressed": !enabled, onClick: flip }, enabled ? off : on),
      h("button", { type: "button", className: "button button-plain", popoverTarget: "keys", popoverTargetAction: "hide" }, close)));
}

export function CopyLink({ label, done, children }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(window.location.href);
    setCopied(true);
    setTimeout(() => setCopied(false), 2500);
  };
  return h("span", { className: "dialog-copy" },
    h("button", { type: "button", className: "button button-icon", "aria-label": label, title: label, onClick: copy }, children),
    h("span", { role: "status", className: copied ? "dialog-copied" : "sr" }, copied ? done : ""));
}

// Native forms written by the server: sends them once, shows passwords on demand, and notifies the other tabs of a sign-out.
export function ServerForms() {
  useEffect(() => {
    const said = new URLSearchParams(window.location.search);
    // After a deliberate sign-out, delete the drafts too. After an expired session, keep them for the same person.
    if (said.has("out")) Object.keys(sessionStorage).filter((name) => name.startsWith("odo_draft ")).forEach((name) => sessionStorage.removeItem(name));
    if (said.has("out") || said.has("ended")) {
      const channel = new BroadcastChannel(CHANNEL);
      channel.postMessage("out");
      channel.close();
    }
    document.querySelectorAll("[data-reveal]").forEach((b) => b.removeAttribute("hidden"));
    const submit = (e) => {
      const form = e.target;
      if (form.dataset.sent) { e.preventDefault(); return; }
      form.dataset.sent = "1";
      form.querySelector("[type=submit]")?.setAttribute("aria-busy", "true");
    };
    const click = (e) => {
      const button = e.target.closest("[data-reveal]");
      if (!button) return;
      const field = document.getElementById(button.dataset.reveal);
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", shown);
    };
    const back = () => document.querySelectorAll("form[data-sent]").forEach((f) => { delete f.dataset.sent; f.querySelector("[type=submit]")?.removeAttribute("aria-busy"); });
    document.addEventListener("submit", submit);
    document.addEventListener("click", click);
    window.addEventListener("pageshow", back);
    return () => { document.removeEventListener("submit", submit); document.removeEventListener("click", click); window.removeEventListener("pageshow", back); };
  }, []);
  return null;
}
