// Asks again and again for a while: for what somebody else is about to say. Not for ever, since asking keeps a session alive.
import { useEffect, useRef } from "react";

export function Again({ seconds, times, onAgain }) {
  const ask = useRef(onAgain);
  ask.current = onAgain;
  useEffect(() => {
    let left = times;
    const timer = setInterval(() => { left -= 1; left < 0 ? clearInterval(timer) : ask.current(); }, seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds, times]);
  return null;
}
