// Asking: a conversation with one collection at a time.

import { collectionPicker, createCollection, loadCollections } from "../components/collection-picker.js";
import { icon } from "../components/icons.js";
import { closePassage } from "../components/passage-drawer.js";
import { empty, fill } from "../components/states.js";
import { turnView } from "../components/turn-view.js";
import { conversation } from "../conversation.js";
import { h, replace } from "../dom.js";
import { navigate } from "../router.js";

const QUESTION_LIMIT = 4000;

export function render({ main, query, signal }) {
  const body = h("div", { class: "chat" });
  replace(main, body);
  signal.addEventListener("abort", () => closePassage({ refocus: false }));
  fill(body, {
    signal,
    load: () => loadCollections({ wanted: query.collection, signal }),
    show: ({ collections, current }) => showChat(body, { collections, current, signal }),
  });
}

function showChat(body, { collections, current, signal }) {
  const state = { collection: current };
  const log = h("div", { class: "turns" });
  const fresh = h("button", { type: "button", class: "button button-quiet", onclick: () => conversation.clear() }, icon("plus"), h("span", null, "New", h("span", { class: "wide-only" }, " conversation")));
  const picker = collections.length > 0 && collectionPicker({
    collections, current, onChange: (name) => {
      state.collection = name;
      drawWelcome();
    },
  });
  const form = composer(state, { signal });
  append(body,
    h("div", { class: "page-head chat-head" }, h("h1", null, "Ask"), h("div", { class: "page-tools" }, picker, fresh)),
    log, form.node);

  const drawWelcome = () => {
    fresh.hidden = conversation.turns.length === 0;
    if (conversation.turns.length > 0) return;
    replace(log, welcome(collections.find((c) => c.name === state.collection)));
  };
  const add = (turn) => {
    if (conversation.turns.length === 1) log.replaceChildren();
    const view = turnView(turn, { signal });
    log.append(view);
    return view;
  };
  conversation.addEventListener("turn", ({ detail }) => {
    const view = add(detail);
    drawWelcome();
    view.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }, { signal });
  conversation.addEventListener("clear", () => {
    closePassage({ refocus: false });
    drawWelcome();
    form.focus();
  }, { signal });

  drawWelcome();
  conversation.turns.forEach(add);
  if (collections.length === 0) form.node.remove();
  else if (matchMedia("(min-width: 900px)").matches) form.focus();
}

function append(node, ...children) {
  node.append(...children.filter(Boolean));
}

function welcome(collection) {
  if (!collection) {
    const create = async () => {
      if (await createCollection()) navigate("/ui/documents");
    };
    return empty("No documents yet", "Make a collection and add documents; then ask them anything.",
      h("button", { type: "button", class: "button button-primary", onclick: create }, icon("plus"), "New collection"));
  }
  if (collection.documents === 0) {
    return empty(`“${collection.name}” is empty`, "Add documents, and ask as soon as they are ready.",
      h("a", { class: "button button-primary", href: "/ui/documents" }, icon("upload"), "Add documents"));
  }
  return h("div", { class: "welcome" },
    h("p", { class: "lead" }, "What would you like to know?"),
    h("p", null, `Answers come only from the documents of “${collection.name}”. Each sentence is tested against the passages it cites, and you can open each passage where it stands.`));
}

function composer(state, { signal }) {
  const input = h("textarea", {
    id: "question", rows: 1, maxlength: QUESTION_LIMIT, placeholder: "Ask your documents…", required: true,
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    },
  });
  const send = h("button", { type: "submit", class: "icon-button send", "aria-label": "Ask" }, icon("send"));
  const stop = h("button", { type: "button", class: "icon-button send", "aria-label": "Stop the answer", onclick: () => conversation.stop() }, icon("stop"));
  const form = h("form", {
    class: "composer",
    onsubmit: (event) => {
      event.preventDefault();
      const question = input.value.trim();
      if (!question || conversation.running) return;
      input.value = "";
      conversation.ask(state.collection, question);
    },
  },
    h("div", { class: "composer-box" }, h("label", { class: "visually-hidden", for: "question" }, "Your question"), input, send, stop),
    h("p", { class: "fine composer-hint" }, "Enter asks, Shift + Enter starts a new line."));

  const draw = () => {
    const focused = document.activeElement === send || document.activeElement === stop;
    send.hidden = conversation.running;
    stop.hidden = !conversation.running;
    if (focused) (conversation.running ? stop : input).focus();
  };
  for (const name of ["turn", "running", "clear"]) conversation.addEventListener(name, draw, { signal });
  draw();
  return { node: form, focus: () => input.focus() };
}
