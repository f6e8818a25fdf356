// Looking again after a while, but not while nobody looks at the tab.

/** Calls `work` once after `ms`, or when the tab is seen again. Returns what calls it off; so does `signal`. */
export function later(ms, work, signal) {
  const off = new AbortController();
  const once = () => {
    off.abort();
    work();
  };
  const timer = setTimeout(() => {
    if (document.visibilityState === "visible") once();
    else document.addEventListener("visibilitychange", once, { once: true, signal: off.signal });
  }, ms);
  off.signal.addEventListener("abort", () => clearTimeout(timer));
  signal.addEventListener("abort", () => off.abort(), { signal: off.signal });
  return () => off.abort();
}
