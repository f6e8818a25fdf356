import { h, replace } from "../dom.js";
import { empty } from "../components/states.js";

export function render({ main }) {
  replace(main, h("h1", null, "Not found"),
    empty("There is no such page.", "The address may be mistyped.", h("a", { class: "button", href: "/ui" }, "Ask a question")));
}
