// The connection to the server: lost, restored, or to another version than this page was built for.
import { createElement as h, useContext, useEffect, useState } from "react";
import { useLocation } from "react-router";
import { EventLoopContext } from "$/utils/context-registry";

// Elements that do not work without the server.
const NEEDS = 'a[href]:not([href^="#"], [href^="mailto:"], [href^="tel:"]), form button:not([type=button]), [data-server]';
const elsewhere = (element) => element.matches("a") && element.origin !== location.origin;

// Uses attributes and an event, because Reflex gives each of its imports another copy of a file, so that they share no variables.
function setAway(away) {
  document.documentElement.toggleAttribute("data-away", away);
  const marked = away ? [...document.querySelectorAll(NEEDS)].filter((e) => !e.hasAttribute("aria-disabled") && !elsewhere(e)) : document.querySelectorAll("[data-held]");
  for (const element of marked) {
    element.toggleAttribute("data-held", away);
    away ? element.setAttribute("aria-disabled", "true") : element.removeAttribute("aria-disabled");
  }
  window.dispatchEvent(new Event("odo-away"));
}

function hold(e) {
  const needs = e.type === "submit" ? e.target : e.target.closest?.(NEEDS);
  if (!needs || elsewhere(needs)) return;
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
  const held = !!lost && !!running;
  useEffect(() => {
    if (!down) return;
    const since = new Date();
    const poke = () => addEvents([]);
    const show = setTimeout(() => setLost(since), 2000);
    const every = setInterval(poke, 500);
    window.addEventListener("online", poke);
    return () => { clearTimeout(show); clearInterval(every); window.removeEventListener("online", poke); setLost(null); };
  }, [down]);
  useEffect(() => {
    if (!held) return;
    setAway(true);
    document.addEventListener("click", hold, true);
    document.addEventListener("submit", hold, true);
    return () => {
      document.removeEventListener("click", hold, true);
      document.removeEventListener("submit", hold, true);
      setAway(false);
    };
  }, [held]);
  useEffect(() => { document.documentElement.toggleAttribute("data-plain", stale || (down && !running)); }, [stale, down, running]);
  const language = pathname.startsWith("/en") ? "en" : "fr";
  const text = language === "fr" ? fr : en;
  const time = lost?.toLocaleTimeString((running ? regionEn : language === "en") ? "en-CA" : "fr-CA", { hour: "numeric", minute: "2-digit", timeZone: zone || undefined });
  const newer = stale && !lost;
  return h("div", { role: "status", className: lost || newer ? "banner floating" : "sr" },
    lost && icon, lost && h("span", null, h("b", null, text.lost), " ", text.had.replace("{time}", time), " ", h("span", { className: "soft" }, text.trying)),
    newer && h("span", null, h("b", null, text.newer), " ", text.older),
    newer && h("button", { type: "button", className: "btn second sm", onClick: () => window.location.reload() }, text.reload));
}
