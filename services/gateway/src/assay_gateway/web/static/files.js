// Saving what the page holds as a file.

import { h } from "./dom.js";

/** Lets the browser save `text` under `name`. */
export function save(name, text, type) {
  const link = h("a", { download: name });
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.click();
  URL.revokeObjectURL(link.href);
}
