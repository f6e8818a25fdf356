// Copying a text that the page shows.

import { announce, h, replace } from "../dom.js";
import { icon } from "./icons.js";

const SAID_MS = 2500;

/** Copies the value or the text of the element `from`; `what` names it, as in "the receipt". */
export function copyButton({ from, what }) {
  const face = (sign, word) => replace(button, icon(sign), word);
  const onclick = async () => {
    const done = await copy(from);
    face(done ? "check" : "copy", done ? "Copied" : "Press Ctrl+C");
    announce(done ? `Copied ${what}.` : `Selected ${what}: press Ctrl+C to copy.`);
    setTimeout(() => face("copy", "Copy"), SAID_MS);
  };
  const button = h("button", { type: "button", class: "button", "aria-label": `Copy ${what}`, dataset: { key: `copy ${what}` }, onclick });
  face("copy", "Copy");
  return button;
}

/** Browsers give the clipboard to pages on localhost or behind TLS only; elsewhere the selection is copied. */
async function copy(node) {
  try {
    await navigator.clipboard.writeText(node.value ?? node.textContent);
    return true;
  } catch {
    if (node.select) node.select();
    else getSelection().selectAllChildren(node);
    return document.execCommand("copy");
  }
}
