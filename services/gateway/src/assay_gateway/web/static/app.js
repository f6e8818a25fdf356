// START HERE. Signs in if needed, then shows the shell with one page inside it.

import { signedOut } from "./api.js";
import { failure, loading } from "./components/states.js";
import { buildShell, markCurrent } from "./components/shell.js";
import { replace } from "./dom.js";
import { renderSignIn } from "./pages/sign-in.js";
import * as router from "./router.js";
import { resume } from "./session.js";
import { system } from "./system.js";

const root = document.getElementById("app");

router.route("/ui", "Ask", () => import("./pages/chat.js"));
router.route("/ui/search", "Search", () => import("./pages/search.js"));
router.route("/ui/documents", "Documents", () => import("./pages/documents.js"));
router.route("/ui/documents/{id}", "Document", () => import("./pages/document.js"));
router.route("/ui/evaluations", "Evaluations", () => import("./pages/evaluations.js"));

async function begin() {
  replace(root, loading("Opening Assay…"));
  try {
    if (await resume()) enter();
    else askForKey();
  } catch (problem) {
    replace(root, failure(problem, { retry: begin }));
  }
}

function enter() {
  const { shell, main } = buildShell({ onSignOut: askForKey });
  replace(root, shell);
  system.start();
  router.start(main, { onRender: markCurrent });
}

function askForKey() {
  router.stop();
  system.stop();
  document.title = "Sign in · Assay";
  renderSignIn(root, { onSignedIn: enter });
}

signedOut.addEventListener("signed-out", () => {
  if (root.querySelector(".shell")) askForKey();
});
router.listen();
begin();
