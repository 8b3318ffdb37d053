// A hint under a new password, computed in the browser only: nothing that is typed leaves the page. The server's rules decide. See strength.py.
import { useEffect } from "react";

const PAUSE = 500;
const FAIR = 40, HARD = 70;
const AFTER = (a, b) => Math.abs(a.codePointAt(0) - b.codePointAt(0)) <= 1;

// Estimates the bits of entropy of a text, without repetitions and sequences such as aaaa, abcabc and 1234.
function bits(text) {
  const once = text.toLowerCase().replace(/(.{2,}?)\1+/gu, "$1");
  const own = [...once].filter((c, i, all) => !i || !AFTER(c, all[i - 1]));
  return own.length * Math.log2(Math.max(new Set(own).size, 1));
}

function judge(text, fewest) {
  const length = [...text.normalize("NFKC")].length;
  if (!length) return [0, ""];
  if (length < fewest) return [1, "short", fewest - length];
  const found = bits(text);
  return found < FAIR ? [1, "weak"] : found < HARD ? [2, "fair"] : [3, "hard"];
}

export function Strength() {
  useEffect(() => {
    const timers = new Map();
    const typed = (e) => {
      const box = document.querySelector(`[data-strength="${e.target.id}"]`);
      if (!box) return;
      const [level, word, left] = judge(e.target.value, Number(box.dataset.fewest));
      box.dataset.level = level;
      // Announce it only when the typing pauses, so that a screen reader does not talk over each key.
      clearTimeout(timers.get(box));
      timers.set(box, setTimeout(() => { box.lastElementChild.textContent = word ? box.dataset[word].replace("{n}", left) : ""; }, PAUSE));
    };
    document.addEventListener("input", typed);
    return () => { document.removeEventListener("input", typed); timers.forEach(clearTimeout); };
  }, []);
  return null;
}
