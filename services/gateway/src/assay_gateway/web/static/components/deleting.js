// Asking before documents are deleted, and saying afterwards where their deletion can be followed.

import { api } from "../api.js";
import { h } from "../dom.js";
import { plural } from "../format.js";
import { confirmDialog } from "./dialog.js";
import { heldBadge } from "./erasure-badge.js";
import { icon } from "./icons.js";
import { notice } from "./states.js";

const GONE = "answers and searches at once and cannot be brought back.";
const KEPT = "is hidden from answers and searches at once. A legal hold keeps its key, text and versions, until a curator lifts it; then it is erased.";

/**
 * Asks, by what is there now, and deletes a document. Resolves to what `deletedNotice` shows, or null if it was kept.
 */
export async function deleteOne(id) {
  const document = await api.document(id);
  if (!(await confirmOne(document))) return null;
  const { job } = await api.deleteDocument(id);
  return { text: `${document.name} was deleted.`, erasure: job, held: document.held };
}

function confirmOne({ name, version, held }) {
  const versions = version > 1 ? ` with its ${plural(version, "version")}` : "";
  return confirmDialog({
    title: "Delete this document?",
    text: held ? `“${name}” ${KEPT}` : `“${name}”${versions} leaves ${GONE}`,
    action: "Delete",
  });
}

/** `documents` as a dry run of deleting many tells them. */
export function confirmMany(documents) {
  const many = plural(documents.length, "document");
  const held = documents.some((document) => document.held);
  const sorted = [...documents].sort((a, b) => a.name.localeCompare(b.name));
  const leave = `${documents.length === 1 ? "It leaves" : "They leave"} ${GONE}`;
  return confirmDialog({
    title: `Delete ${many}?`,
    text: held ? `${leave} What is marked as held is under a legal hold: hidden too, but kept until a curator lifts it.` : leave,
    details: h("ul", { class: "confirm-list", tabindex: "0", "aria-label": "To be deleted" }, sorted.map((document) => h("li", null, document.name, document.held && [" ", heldBadge()]))),
    action: `Delete ${many}`,
    keep: documents.length === 1 ? "Keep it" : "Keep them",
  });
}

/** What was deleted, and the way to its erasure: that of `erasure`, or the list of all. */
export function deletedNotice({ text, erasure = null, held = false }) {
  const href = erasure ? `/ui/deletions/${encodeURIComponent(erasure)}` : "/ui/deletions";
  const node = notice("info", `${text} `, held && "A legal hold keeps it until that is lifted. ", h("a", { href }, erasure ? "Follow its deletion" : "Follow the deletions"));
  node.append(h("button", { type: "button", class: "icon-button", "aria-label": "Close this notice", title: "Close", onclick: () => node.remove() }, icon("cross")));
  node.classList.add("deleted-notice");
  node.tabIndex = -1;
  return node;
}
