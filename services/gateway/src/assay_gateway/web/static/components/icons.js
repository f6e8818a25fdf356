// Line icons on a grid of 24, and the mark: a hallmark's cut corners, an A, and the bead that an assay leaves.

import { svg } from "../dom.js";

const PATHS = {
  chat: "M4 5h16v11H9l-5 4z",
  documents: "M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20",
  sources: "M5 6c0-1.7 3.1-3 7-3s7 1.3 7 3-3.1 3-7 3-7-1.3-7-3zM5 6v6c0 1.7 3.1 3 7 3s7-1.3 7-3V6M5 12v6c0 1.7 3.1 3 7 3s7-1.3 7-3v-6",
  evaluations: "M4 4v16h16M8 15l3.5-4 3 2.5L20 8",
  deletions: "M12 3l7 3v5c0 4.6-2.8 7.9-7 10-4.2-2.1-7-5.4-7-10V6zM9.5 9.5l5 5M14.5 9.5l-5 5",
  shield: "M12 3l7 3v5c0 4.6-2.8 7.9-7 10-4.2-2.1-7-5.4-7-10V6zM8.5 12l2.5 2.5 4.5-5",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  copy: "M9 9h10v11H9zM6 15H5V4h10v2",
  download: "M12 4v11M7 10.5l5 5 5-5M4 19.5h16",
  check: "M5 12.5l4.5 4.5L19 7.5",
  question: "M8.5 8.5a3.5 3.5 0 1 1 5.2 3c-1.2.7-1.7 1.3-1.7 2.8M12 18.4v.2",
  cross: "M6 6l12 12M18 6 6 18",
  dash: "M6 12h12",
  send: "M12 19V5M5.5 11.5 12 5l6.5 6.5",
  stop: "M7 7h10v10H7z",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3 19 19M19 5l-1.7 1.7M6.7 17.3 5 19",
  dark: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  leave: "M14 4H5v16h9M10 12h10M16.5 8.5 20 12l-3.5 3.5",
  upload: "M12 16V5M7 9.5 12 4.5l5 5M4 16v4h16v-4",
  trash: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  retry: "M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4",
  plus: "M12 5v14M5 12h14",
  warning: "M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.2",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.5M12 7.6v.2",
  left: "M14.5 5.5 8 12l6.5 6.5",
  right: "M9.5 5.5 16 12l-6.5 6.5",
  open: "M9 5H5v14h14v-4M13 5h6v6M19 5l-8.5 8.5",
};

export function icon(name) {
  const path = svg("path", { d: PATHS[name] });
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, path);
}

export function logo() {
  return svg("svg", { class: "logo", viewBox: "0 0 32 32", "aria-hidden": "true", focusable: "false" },
    svg("path", { class: "logo-plate", d: "M9 1h14l8 8v14l-8 8H9l-8-8V9z" }),
    svg("path", { class: "logo-letter", d: "M7.5 24.5 16 6.5l8.5 18" }),
    svg("circle", { class: "logo-bead", cx: 16, cy: 20.5, r: 3.2 }));
}
