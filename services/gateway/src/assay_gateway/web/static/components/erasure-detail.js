// One deletion: its steps with their times, what was removed, its receipt, and how to check that.

import { api } from "../api.js";
import { h } from "../dom.js";
import { after, checkCommands, KEY_FILE, proveCommand, receiptFile, removed, steps } from "../erasures.js";
import { save } from "../files.js";
import { count, dateTime } from "../format.js";
import { copyButton } from "./copy-button.js";
import { erasureBadge } from "./erasure-badge.js";
import { holdFacts } from "./holds.js";
import { icon } from "./icons.js";

const SIGNS = { done: "check", held: "lock" };
const SPOKEN = { done: "done", now: "under way", waiting: "not yet", held: "stopped by a legal hold" };

export function erasureFacts(erasure) {
  return [
    h("div", { class: "page-head" }, h("h1", { tabindex: "-1", dataset: { key: "heading" } }, "Deleted document"), h("div", { class: "page-tools" }, erasureBadge(erasure))),
    h("dl", { class: "facts facts-wide" },
      fact("Document", h("code", null, erasure.document_id)), fact("Deletion", h("code", null, erasure.id)),
      fact("Asked for", dateTime(erasure.requested_at)), fact("By", erasure.requested_by ?? "Assay itself: a source, a rule, or an archive that was replaced")),
    h("p", { class: "fine erasure-note" }, erasure.key_destroyed_at
      ? "The document’s name was destroyed with its key: it is known by its id alone."
      : "The document is hidden, and known by its id alone; its name is destroyed with its key when the hold is lifted."),
  ];
}

const fact = (term, value) => h("div", null, h("dt", null, term), h("dd", null, value));

/** What is told curators of the hold that stops an erasure; `onLift` lifts it. */
export function heldPanel(hold, { onLift }) {
  return h("section", { class: "card hold-panel", "aria-labelledby": "held-heading" },
    h("div", { class: "card-head" }, h("h2", { id: "held-heading" }, "Legal hold"),
      h("button", { type: "button", class: "button button-danger-quiet", dataset: { key: "lift" }, onclick: onLift }, "Lift and erase")),
    holdFacts(hold));
}

export function timeline(erasure) {
  const step = ({ at, status, title, text }) => h("li", { class: "step", dataset: { status } },
    h("span", { class: "step-sign" }, status === "now" ? h("span", { class: "spinner", "aria-hidden": "true" }) : SIGNS[status] && icon(SIGNS[status])),
    h("div", null,
      h("p", { class: "step-title" }, title, h("span", { class: "visually-hidden" }, `, ${SPOKEN[status]}`)),
      at && h("p", { class: "step-time" }, h("time", { datetime: at }, dateTime(at)), at !== erasure.requested_at && ` · ${after(erasure.requested_at, at)}`),
      h("p", { class: "fine" }, text)));
  return h("section", { "aria-labelledby": "steps-heading" }, h("h2", { id: "steps-heading" }, "What became of it"),
    h("ol", { class: "steps" }, steps(erasure).map(step)));
}

export function removedCounts(erasure) {
  const found = removed(erasure);
  return h("section", { "aria-labelledby": "removed-heading" }, h("h2", { id: "removed-heading" }, "Removed, by store"),
    found.length === 0
      ? h("p", { class: "fine" }, erasure.state === "held" ? "Nothing: the legal hold keeps it." : "Nothing is counted yet.")
      : h("dl", { class: "counts" }, found.map(({ label, n }) => h("div", null, h("dt", null, label), h("dd", null, count(n))))));
}

/** `onProblem` is told when the key cannot be had. */
export function receipt({ id, state, receipt: signed }, { onProblem }) {
  const text = h("textarea", { class: "receipt-text", readonly: true, rows: 4, "aria-label": "Signed receipt", spellcheck: "false", dataset: { key: "receipt" }, value: signed });
  const saveReceipt = () => save(receiptFile(id), `${signed}\n`, "application/jose");
  const saveKey = () => api.receiptKey().then(({ public_key: pem }) => save(KEY_FILE, pem, "application/x-pem-file")).catch(onProblem);
  const button = (label, onclick) => h("button", { type: "button", class: "button", dataset: { key: label }, onclick }, icon("download"), label);
  const final = state === "proven" || state === "complete";
  return h("section", { "aria-labelledby": "receipt-heading" }, h("h2", { id: "receipt-heading" }, "Receipt"),
    h("p", null, "All of the above as a signed statement (JWS, EdDSA), which can be checked for good, also without Assay.",
      !final && " It says how far the deletion is now: take it again when it is complete."),
    text,
    h("div", { class: "actions" }, copyButton({ from: text, what: "the receipt" }), button("Receipt (.jws)", saveReceipt), button("Public key (.pem)", saveKey)),
    command("Check the signature of the two files with OpenSSL 3:", checkCommands(id), "the commands that check the signature"),
    command("Prove it by a scan of all files, on the machine of the platform, when it is complete:", proveCommand(id), "the command of the scan"));
}

function command(label, lines, what) {
  const code = h("pre", { class: "command", tabindex: "0", "aria-label": label }, lines);
  return h("div", { class: "command-block" }, h("p", null, label), code, copyButton({ from: code, what }));
}
