// What became of a document and when; asked for when it is opened.

import { api } from "../api.js";
import { h, replace } from "../dom.js";
import { count, dateTime, words } from "../format.js";
import { failure, loading } from "./states.js";

export function documentHistory({ id, signal }) {
  const body = h("div");
  const load = async () => {
    replace(body, loading());
    try {
      replace(body, table(await api.documentHistory(id, { signal })));
    } catch (problem) {
      if (!signal.aborted) replace(body, failure(problem, { retry: load }));
    }
  };
  return h("details", { class: "document-history", ontoggle: (event) => event.target.open && load() }, h("summary", null, "History"), body);
}

function table(events) {
  const row = ({ at, version, stage, detail }) => h("tr", null,
    h("td", null, h("time", { datetime: at }, dateTime(at))), h("td", { class: "number" }, version), h("td", null, stage),
    h("td", null, Object.entries(detail).map(([name, value]) => `${words(name)} ${count(value)}`).join(", ")));
  return h("div", { class: "table-scroll" }, h("table", { class: "table" },
    h("thead", null, h("tr", null, ["When", "Version", "Stage", "Numbers"].map((label) => h("th", { scope: "col" }, label)))),
    h("tbody", null, events.map(row))));
}
