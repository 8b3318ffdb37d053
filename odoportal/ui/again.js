// Fires `onAgain` at an interval while the page waits for a result from elsewhere. Only a limited number of times: each one keeps the session alive.
import { useEffect, useRef } from "react";

export function Again({ seconds, times, onAgain }) {
  const fire = useRef(onAgain);
  fire.current = onAgain;
  useEffect(() => {
    let left = times;
    const timer = setInterval(() => { left -= 1; left < 0 ? clearInterval(timer) : fire.current(); }, seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds, times]);
  return null;
}
