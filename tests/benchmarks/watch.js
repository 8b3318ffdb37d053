// Runs in every document before its own scripts: notes what is visible to a person, and when. Times are absolute, in ms, so that
// they remain comparable when the document changes.
(() => {
  const KEY = "watched_event";
  const at = (time) => performance.timeOrigin + time;
  const watch = window.watched = { first: 0, largest: 0, shift: 0, blocking: [], paints: [], live: 0, origin: performance.timeOrigin };
  // Returns the paints after the first `known` ones of the document that began at `origin`: at once if there are any, else with the
  // next frame that shows something new. Polling instead would take CPU time from the page.
  let asking = [];
  const notes = (known) => ({ ...watch, paints: watch.paints.slice(known), event: watch.event() });
  watch.next = (known, origin) => {
    const from = origin === watch.origin ? known : 0;
    return watch.paints.length > from ? notes(from) : new Promise((done) => asking.push(() => done(notes(from))));
  };
  watch.event = () => Number(sessionStorage.getItem(KEY) ?? 0);
  for (const kind of ["keydown", "click"])
    addEventListener(kind, (e) => e.isTrusted && sessionStorage.setItem(KEY, at(e.timeStamp)), true);
  const observe = (type, note) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  observe("paint", (e) => { if (e.name === "first-contentful-paint") watch.first = at(e.startTime); });
  observe("largest-contentful-paint", (e) => { watch.largest = at(e.startTime); });
  observe("layout-shift", (e) => { if (!e.hadRecentInput) watch.shift += e.value; });
  observe("longtask", (e) => watch.blocking.push([at(e.startTime), Math.max(0, e.duration - 50)]));

  // A frame is noted after it was painted: a message posted while the frame is prepared is handled once it is painted.
  const { port1, port2 } = new MessageChannel();
  let waiting = [];
  port1.onmessage = () => {
    const done = waiting;
    waiting = [];
    done.forEach((note) => note(at(performance.now())));
    asking.splice(0).forEach((answer) => answer());
  };
  let last = "";
  const look = () => {
    asked = false;
    const rows = [...document.querySelectorAll(SELECTORS.rows)];
    const text = rows.map((row) => row.textContent).join("\n");
    const details = document.querySelector(SELECTORS.details)?.textContent ?? "";
    if (text + details !== last) {
      last = text + details;
      waiting.push((time) => watch.paints.push({ at: time, rows: rows.length, text, details }));
    }
    if (!watch.live && rows.length && !document.querySelector(SELECTORS.still)) {
      waiting.push((time) => { if (!watch.live) { watch.live = time; watch.paints.push({ at: time, rows: rows.length, text, details }); } });
    }
    if (waiting.length) port2.postMessage(0);
  };
  let asked = false;
  const later = () => { if (!asked) { asked = true; requestAnimationFrame(look); } };
  new MutationObserver(later).observe(document, { childList: true, subtree: true, characterData: true, attributes: true });
})();
