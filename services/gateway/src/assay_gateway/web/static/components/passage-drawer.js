// The drawer that shows a passage highlighted in its document: beside the page when there is room, over it when not.

import { api } from "../api.js";
import { announce, h, replace } from "../dom.js";
import { highlighted } from "./highlight.js";
import { icon } from "./icons.js";
import { failure, loading, notice } from "./states.js";

const CONTEXT = 600;
const WIDER_CONTEXT = 3000;

let open = null;

/** Shows `passage` ({document_id, document_name, version, page, heading, start, end, quote, n?}). */
export function showPassage(passage, opener) {
  closePassage({ refocus: false });
  const title = h("h2", { id: "passage-title", tabindex: "-1" }, passage.document_name);
  const body = h("div", { class: "passage-body" });
  const node = h("div", { class: "drawer", role: "complementary", "aria-labelledby": "passage-title", onkeydown: closeOnEscape },
    h("div", { class: "drawer-head" },
      h("div", { class: "drawer-title" },
        passage.n && h("span", { class: "cite cite-static" }, passage.n), title),
      h("button", { type: "button", class: "icon-button", "aria-label": "Close the passage", onclick: () => closePassage() }, icon("cross"))),
    facts(passage),
    body,
    h("div", { class: "drawer-foot" },
      h("a", { class: "button", href: documentLink(passage) }, icon("open"), "Open the document")));
  document.querySelector(".shell").append(node);
  document.body.classList.add("has-drawer");
  open = { node, opener, abort: new AbortController() };
  coverPage(node, open.abort.signal);
  opener?.setAttribute("aria-expanded", "true");
  title.focus({ preventScroll: true });
  load(passage, body, CONTEXT);
}

export function closePassage({ refocus = true } = {}) {
  if (!open) return;
  const { node, opener, abort } = open;
  open = null;
  abort.abort();
  node.remove();
  document.body.classList.remove("has-drawer");
  opener?.removeAttribute("aria-expanded");
  if (refocus && opener?.isConnected) opener.focus();
}

/** On a narrow screen the drawer lies over the page, which then rests; touching it closes the drawer. */
function coverPage(node, signal) {
  if (!matchMedia("(max-width: 899px)").matches) return;
  const main = document.getElementById("main");
  main.inert = true;
  node.setAttribute("role", "dialog");
  node.setAttribute("aria-modal", "true");
  signal.addEventListener("abort", () => {
    main.inert = false;
  });
  const onTouch = (event) => !node.contains(event.target) && closePassage();
  document.addEventListener("pointerdown", onTouch, { signal });
}

function closeOnEscape(event) {
  if (event.key === "Escape") closePassage();
}

async function load(passage, body, context) {
  const { signal } = open.abort;
  replace(body, loading("Fetching the passage…"));
  const { document_id: id, version, start, end } = passage;
  try {
    const found = await api.text(id, version, { start, end, context }, { signal });
    if (signal.aborted) return;
    show(passage, body, found, context);
    announce(`Passage from ${passage.document_name}: ${passage.quote}`);
  } catch (problem) {
    if (signal.aborted) return;
    if (problem.code === undefined) throw problem;
    replace(body, asCited(passage, problem), problem.status !== 404 && failure(problem, { retry: () => load(passage, body, context) }));
  }
}

function show(passage, body, found, context) {
  const text = highlighted(found, { before: found.start > 0, after: found.end < found.length });
  replace(body, text);
  if ((found.start > 0 || found.end < found.length) && context < WIDER_CONTEXT) {
    body.append(h("button", { type: "button", class: "button button-quiet", onclick: () => load(passage, body, WIDER_CONTEXT) }, "Show more around it"));
  }
  const mark = body.querySelector("mark");
  if (mark) body.scrollTop = mark.offsetTop - body.offsetTop - body.clientHeight / 4;
}

/** A version may be gone by now; what was cited is still known, and is said to be no more than that. */
function asCited(passage, problem) {
  const gone = problem.status === 404;
  return [
    gone && notice("info", "This version is no longer stored: it was replaced or deleted since. Below is the passage as it was cited."),
    h("div", { class: "passage-text" }, h("mark", null, passage.quote)),
  ];
}

function facts(passage) {
  const items = [
    ["Version", passage.version],
    passage.page && ["Page", passage.page],
    passage.heading && ["Section", passage.heading],
  ].filter(Boolean);
  return h("dl", { class: "facts" }, items.map(([term, value]) => h("div", null, h("dt", null, term), h("dd", null, value))));
}

function documentLink({ document_id: id, version, start, end }) {
  return `/ui/documents/${encodeURIComponent(id)}?${new URLSearchParams({ version, start, end })}`;
}
