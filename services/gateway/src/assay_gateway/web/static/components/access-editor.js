// Who may read a document, and changing that. Only curators see it.

import { api } from "../api.js";
import { h } from "../dom.js";
import { card } from "./card.js";
import { chipInput, chips } from "./chip-input.js";
import { formDialog } from "./dialog.js";
import { requireSound } from "./form-field.js";

const MAX_NAME = 255;

export function accessCard({ id, access, onSaved }) {
  return card({ title: "Access", value: access, show, edit: (now) => editAccess({ id, access: now, onSaved }) });
}

function show({ allow, deny }) {
  const rules = (term, names, none) => h("div", null, h("dt", null, term), h("dd", null, names.length > 0 ? chips(names) : h("span", { class: "muted" }, none)));
  return h("dl", { class: "facts-list" }, rules("May read", allow, "nobody"), rules("May not, whatever allows it", deny, "nobody is kept out"));
}

function editAccess({ id, access, onSaved }) {
  const allow = chipInput({ label: "May read", values: access.allow, max: MAX_NAME, none: "Nobody yet",
    hint: "Users and groups by id; “everyone” is all who are signed in." });
  const deny = chipInput({ label: "May not read", values: access.deny, max: MAX_NAME, none: "Nobody",
    hint: "These may not, even if a group of theirs may." });
  const lists = [allow, deny];
  const submit = async () => {
    const rules = { allow: allow.values(), deny: deny.values() };
    for (const list of lists) list.complain("");
    if (rules.allow.length === 0) allow.complain("Name at least one who may read it.");
    requireSound(lists);
    try {
      const changed = await api.changeDocument(id, { access: rules });
      onSaved(changed);
      return changed.access;
    } catch (problem) {
      place(problem, { allow, deny, rules });
      requireSound(lists);
      throw problem;
    }
  };
  return formDialog({ title: "Who may read this document?", action: "Save", novalidate: true, fields: lists.map(({ node }) => node), submit });
}

/** Says beside the list what is wrong with it, as far as the problem tells which it is. */
function place(problem, { allow, deny, rules }) {
  const unknown = problem.rest?.unknown ?? [];
  for (const [list, names] of [[allow, rules.allow], [deny, rules.deny]]) {
    const here = names.filter((name) => unknown.includes(name));
    if (here.length > 0) list.complain(`There is no user or group ${here.map((name) => `“${name}”`).join(", ")}.`, here);
  }
  if (problem.code === "locks_you_out") allow.complain(problem.detail);
}
