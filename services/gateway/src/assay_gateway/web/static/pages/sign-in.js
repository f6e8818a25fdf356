// Signing in with the API key that the first start made.

import { h, replace } from "../dom.js";
import { logo } from "../components/icons.js";
import { signIn } from "../session.js";

export function renderSignIn(root, { onSignedIn }) {
  const key = h("input", {
    id: "api-key", type: "password", required: true, autocomplete: "current-password", spellcheck: "false",
    placeholder: "assay_…", "aria-describedby": "api-key-hint api-key-error",
  });
  const error = h("p", { class: "field-error", id: "api-key-error", role: "alert" });
  const button = h("button", { type: "submit", class: "button button-primary button-wide" }, "Sign in");

  async function submit(event) {
    event.preventDefault();
    error.textContent = "";
    button.disabled = true;
    try {
      await signIn(key.value.trim());
      onSignedIn();
    } catch (problem) {
      error.textContent = problem.detail || problem.message;
      key.setAttribute("aria-invalid", "true");
      key.focus();
    } finally {
      button.disabled = false;
    }
  }

  replace(root, h("main", { class: "sign-in" },
    h("div", { class: "sign-in-card" },
      h("div", { class: "sign-in-brand" }, logo(), h("h1", null, "Assay")),
      h("p", { class: "lead" }, "Ask your documents, and see each answer tested against its sources."),
      h("form", { onsubmit: submit },
        h("div", { class: "field" },
          h("label", { for: "api-key" }, "API key"), key,
          h("p", { class: "fine", id: "api-key-hint" },
            "The first start made a key for you. ", h("code", null, "assay status"),
            " shows where it is: the file ", h("code", null, "secrets/api_key"), " in Assay’s data folder.")),
        error, button))));
  key.focus();
}
