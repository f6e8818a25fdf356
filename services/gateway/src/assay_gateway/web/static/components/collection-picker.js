// The choice of a collection, the same on every page and kept between visits.

import { api } from "../api.js";
import { h, uniqueId } from "../dom.js";
import { plural } from "../format.js";
import { preferences } from "../session.js";
import { field, formDialog } from "./dialog.js";

/** Loads the collections and says which one is meant: the asked, else the last used, else the first. */
export async function loadCollections({ wanted, signal }) {
  const collections = await api.collections({ signal });
  const names = collections.map((c) => c.name);
  const current = [wanted, preferences.collection].find((name) => names.includes(name)) ?? names[0] ?? null;
  return { collections, current };
}

export function collectionPicker({ collections, current, onChange, all = false, counts = true }) {
  const id = uniqueId("collection");
  const label = (c) => (counts ? `${c.name} (${plural(c.documents, "document")})` : c.name);
  const options = collections.map((c) => h("option", { value: c.name, selected: c.name === current }, label(c)));
  if (all) options.unshift(h("option", { value: "", selected: !current }, "All collections"));
  const select = h("select", {
    id,
    onchange: () => {
      if (select.value) preferences.collection = select.value;
      onChange(select.value);
    },
  }, options);
  return h("div", { class: "picker" }, h("label", { for: id }, "Collection"), select);
}

/** Asks for a name and makes the collection; resolves to its name, or null. */
export function createCollection() {
  const name = h("input", { type: "text", required: true, maxlength: 64, autocomplete: "off", autofocus: true });
  return formDialog({
    title: "New collection",
    action: "Create",
    fields: field("Name", name, "Documents are asked and searched one collection at a time. For example: handbook"),
    submit: async () => {
      const made = await api.createCollection({ name: name.value.trim() });
      preferences.collection = made.name;
      return made.name;
    },
  });
}
