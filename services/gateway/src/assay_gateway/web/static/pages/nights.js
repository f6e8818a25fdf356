// What the nights of evaluation found, their figures over time, and beginning one now.

import { api } from "../api.js";
import { collectionPicker, loadCollections } from "../components/collection-picker.js";
import { evaluationTabs } from "../components/evaluation-tabs.js";
import { icon } from "../components/icons.js";
import { nightTable } from "../components/night-table.js";
import { empty, failure, fill, notice } from "../components/states.js";
import { announce, h, replace } from "../dom.js";
import { plural } from "../format.js";
import { nightCharts, nightPath, nightTime } from "../nights.js";
import { navigate } from "../router.js";
import { may } from "../session.js";

const LIMIT = 60;
const HERE = "/ui/evaluations/nights";

export function render({ main, query, signal }) {
  const tools = h("div", { class: "page-tools" });
  const said = h("div");
  const body = h("div");
  replace(main, h("div", { class: "page-head" }, h("h1", null, "Nights"), tools), evaluationTabs(HERE), said, body);
  fill(body, {
    signal,
    load: async () => {
      const found = await loadCollections({ wanted: query.collection, signal });
      return { ...found, nights: await api.nights({ collection: found.current, limit: LIMIT }, { signal }) };
    },
    show: ({ collections, current, nights }) => {
      const onChange = (collection) => navigate(`${HERE}?${new URLSearchParams({ collection })}`);
      replace(tools, collections.length > 0 && collectionPicker({ collections, current, onChange, counts: false }),
        current && may("evaluator") && beginButton(current, said));
      if (nights.length === 0) {
        return body.append(empty("No nights yet", "Each night the golden sets are asked, answers of the day are scored, and drift, index and cache are looked at. What they find stands here."));
      }
      return body.append(figures(nights, signal), list(nights));
    },
  });
}

function figures(nights, signal) {
  const onChoose = (time) => navigate(nightPath(nights.find(({ night }) => nightTime(night).getTime() === time)));
  const charts = nightCharts(nights, { signal, onChoose });
  return h("section", { "aria-labelledby": "figures-heading" }, h("h2", { id: "figures-heading" }, "Drift, index and cache"),
    charts.length > 0 ? h("div", { class: "charts" }, charts) : empty("No figures yet", "None of these nights could measure any; each says why."));
}

const list = (nights) => h("section", { "aria-labelledby": "nights-heading" }, h("h2", { id: "nights-heading" }, "What was found"), nightTable(nights, { withCollection: false }));

function beginButton(collection, said) {
  const onclick = async ({ currentTarget: button }) => {
    button.disabled = true;
    try {
      const runs = await api.beginNight(collection);
      const text = `The night of today has begun with ${plural(runs.length, "run")}; it is closed when they have ended.`;
      replace(said, notice("info", text));
      announce(text);
    } catch (problem) {
      replace(said, failure(problem));
    } finally {
      button.disabled = false;
    }
  };
  return h("button", { type: "button", class: "button button-primary", onclick }, icon("plus"), "Begin today’s night now");
}
