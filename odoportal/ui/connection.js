// The connection to the server: lost, restored, or to another version than this page was built for.
import { createElement as h, useContext, useEffect, useState } from "react";
import { useLocation } from "react-router";
import { EventLoopContext } from "$/utils/context-registry";

// Elements that do not work without the server.
const NEEDS_SERVER = 'a[href]:not([href^="#"], [href^="mailto:"], [href^="tel:"]), form button:not([type=button]), [data-server]';
const isExternal = (element) => element.matches("a") && element.origin !== location.origin;

// Uses attributes and an event, because Reflex gives each of its imports another copy of a file, so that they share no variables.
function setAway(away) {
  document.documentElement.toggleAttribute("data-away", away);
  const marked = away ? [...document.querySelectorAll(NEEDS_SERVER)].filter((e) => !e.hasAttribute("aria-disabled") && !isExternal(e)) : document.querySelectorAll("[data-held]");
  for (const element of marked) {
    element.toggleAttribute("data-held", away);
    away ? element.setAttribute("aria-disabled", "true") : element.removeAttribute("aria-disabled");
  }
  window.dispatchEvent(new Event("odo-away"));
}

function block(e) {
  const needs = e.type === "submit" ? e.target : e.target.closest?.(NEEDS_SERVER);
  if (!needs || isExternal(needs)) return;
  e.preventDefault();
  e.stopPropagation();
}

// After 2 s without the server, shows a notice and disables what needs the server until the connection is back. For a newer version it
// offers a reload, and the next link loads it too. If the socket never connected, nothing is disabled and links load documents natively:
// the pages work without the socket.
export function Connection({ fr, en, icon, regionEn, zone, built, running }) {
  const [addEvents, connectErrors] = useContext(EventLoopContext);
  const { pathname } = useLocation();
  const [lost, setLost] = useState(null);
  const down = connectErrors.length > 0;
  const stale = !!running && running !== built;
  const disabled = !!lost && !!running;
  useEffect(() => {
    if (!down) return;
    const since = new Date();
    const reconnect = () => addEvents([]);
    const show = setTimeout(() => setLost(since), 2000);
    const every = setInterval(reconnect, 500);
    window.addEventListener("online", reconnect);
    return () => { clearTimeout(show); clearInterval(every); window.removeEventListener("online", reconnect); setLost(null); };
  }, [down]);
  useEffect(() => {
    if (!disabled) return;
    setAway(true);
    document.addEventListener("click", block, true);
    document.addEventListener("submit", block, true);
    return () => {
      document.removeEventListener("click", block, true);
      document.removeEventListener("submit", block, true);
      setAway(false);
    };
  }, [disabled]);
  useEffect(() => { document.documentElement.toggleAttribute("data-plain", stale || (down && !running)); }, [stale, down, running]);
  const language = pathname.startsWith("/en") ? "en" : "fr";
  const text = language === "fr" ? fr : en;
  const time = lost?.toLocaleTimeString((running ? regionEn : language === "en") ? "en-CA" : "fr-CA", { hour: "numeric", minute: "2-digit", timeZone: zone || undefined });
  const newer = stale && !lost;
  return h("div", { role: "status", className: lost || newer ? "notice-banner notice-floating" : "sr" },
    lost && icon, lost && h("span", null, h("b", null, text.lost), " ", text.had.replace("{time}", time), " ", h("span", { className: "soft" }, text.trying)),
    newer && h("span", null, h("b", null, text.newer), " ", text.older),
    newer && h("button", { type: "button", className: "button button-second button-small", onClick: () => window.location.reload() }, text.reload));
}
