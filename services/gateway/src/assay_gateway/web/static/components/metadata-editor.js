// What is known of a document, and changing it: fields that its collection declares by their types, others as text.

import { api } from "../api.js";
import { h } from "../dom.js";
import { card } from "./card.js";
import { chipInput, chips } from "./chip-input.js";
import { formDialog } from "./dialog.js";
import { formField, requireSound } from "./form-field.js";

const MAX_CHARS = 1000;
const MAX_TAGS = 64;

export function metadataCard({ document, editable, onSaved }) {
  const edit = async (metadata) => {
    const { settings } = await api.collection(document.collection);
    return editMetadata({ id: document.id, metadata, fields: settings.fields, onSaved });
  };
  return card({ title: "Metadata", value: document.metadata ?? {}, show, edit: editable && edit });
}

function show(metadata) {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return h("p", { class: "muted" }, "None");
  return h("dl", { class: "facts-list" }, entries.map(([name, value]) =>
    h("div", null, h("dt", null, name), h("dd", null, Array.isArray(value) ? chips(value) : value))));
}

function editMetadata({ id, metadata, fields, onSaved }) {
  const declared = Object.entries(fields).map(([name, kind]) => KINDS[kind](name, metadata[name]));
  const others = Object.entries(metadata).filter(([name]) => !(name in fields)).map(([name, value]) => plainEntry(name, value));
  const added = [];
  const list = h("div", { class: "metadata-fields" }, [...declared, ...others].map(({ node }) => node));
  const all = () => [...declared, ...others, ...added];
  const addRow = () => {
    const entry = newEntry(() => all().map(({ name }) => name));
    added.push(entry);
    list.append(entry.node);
    return entry;
  };
  if (all().length === 0) addRow();
  const more = h("button", { type: "button", class: "button button-quiet", onclick: () => addRow().first.focus() }, "Add another entry");
  const submit = async () => {
    const changes = changesOf(all());
    if (Object.keys(changes).length === 0) return metadata;
    try {
      const changed = await api.changeDocument(id, { metadata: changes });
      onSaved(changed);
      return changed.metadata;
    } catch (problem) {
      for (const { field, reason } of problem.rest?.errors ?? []) {
        all().find(({ name }) => field === `metadata.${name}` || field.startsWith(`metadata.${name}.`))?.complain(reason);
      }
      requireSound(all());
      throw problem;
    }
  };
  return formDialog({ title: "Metadata", action: "Save", novalidate: true, fields: [list, more], submit });
}

/** What is to be sent: values to set, and null for what is taken out. Throws if an entry is wrong. */
function changesOf(entries) {
  for (const entry of entries) entry.complain(entry.problem());
  requireSound(entries);
  return Object.fromEntries(entries.filter((entry) => entry.changed()).map((entry) => [entry.name, entry.value()]));
}

// An entry is a field of `form-field` with its `name`, `changed()`, `value()` (null: none) and `problem()` ("": none).
const KINDS = {
  string: (name, value) => inputEntry(name, value, { type: "text", maxlength: MAX_CHARS }, { hint: "Text" }),
  number: (name, value) => inputEntry(name, value, { type: "text", inputmode: "decimal", maxlength: 400 }, {
    hint: "A number",
    read: (text) => (Number.isSafeInteger(Number(text)) || text.includes(".") ? Number(text) : text),
    problemOf: (text) => (Number.isFinite(Number(text)) ? "" : `“${text}” is not a number, such as 2026 or 0.5.`),
  }),
  date: (name, value) => inputEntry(name, value, { type: "date", max: "9999-12-31" }, {
    hint: "A date",
    problemOf: (_, input) => (input.validity.badInput || input.validity.rangeOverflow ? "This is not a whole date; choose day, month and year." : ""),
  }),
  tags: tagsEntry,
};
const plainEntry = (name, value) => inputEntry(name, value, { type: "text", maxlength: MAX_CHARS }, { hint: "Text, not declared by the collection; leave it empty to take it out" });

function inputEntry(name, value, props, { hint, read = (text) => text, problemOf = () => "" }) {
  const input = h("input", { ...props, autocomplete: "off" });
  input.value = value === undefined ? "" : String(value);
  const before = input.value;
  // A value that is older than its field's type may be one that the control cannot show.
  const lost = value !== undefined && before === "" ? `. It is “${value}” now, which is none` : "";
  const text = () => input.value.trim();
  return {
    ...formField(name, input, hint + lost), name,
    changed: () => input.value !== before,
    value: () => (text() === "" ? null : read(text())),
    problem: () => (input.value === before && !input.validity.badInput ? "" : problemOf(text(), input)),
  };
}

function tagsEntry(name, value) {
  const before = Array.isArray(value) ? value : [];
  const entry = chipInput({ label: name, values: before, hint: "Tags; Enter adds one", none: "No tags", max: MAX_CHARS });
  const now = () => entry.values().flatMap((tag) => (before.includes(tag) ? [tag] : tag.split(",").map((part) => part.trim()))).filter(Boolean);
  return {
    ...entry, name,
    changed: () => JSON.stringify(now()) !== JSON.stringify(before),
    value: () => (now().length === 0 ? null : now()),
    problem: () => (now().length > MAX_TAGS ? `These are ${now().length} tags; up to ${MAX_TAGS} are taken.` : ""),
  };
}

/** An entry whose name is asked for too. */
function newEntry(names) {
  const name = formField("Name", h("input", { type: "text", maxlength: MAX_CHARS, autocomplete: "off", autocapitalize: "none" }), "Of a new entry");
  const value = formField("Value", h("input", { type: "text", maxlength: MAX_CHARS, autocomplete: "off" }), "Text");
  const called = () => name.control.value.trim();
  const text = () => value.control.value.trim();
  const problemOfName = () => {
    if (!called()) return text() ? "Give it a name." : "";
    return names().filter((other) => other === called()).length > 1 ? `There is an entry “${called()}” already.` : "";
  };
  return {
    node: h("div", { class: "field-pair" }, name.node, value.node),
    first: name.control,
    get name() {
      return called();
    },
    get control() {
      return [name, value].find(({ control }) => control.getAttribute("aria-invalid") === "true")?.control ?? name.control;
    },
    complain: (problem) => {
      const own = problemOfName();
      name.complain(own);
      value.complain(own ? "" : problem);
    },
    changed: () => called() !== "" && text() !== "",
    value: text,
    problem: () => problemOfName() || (called() && !text() ? "Give it a value." : ""),
  };
}
