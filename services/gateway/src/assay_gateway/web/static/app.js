// START HERE. Signs in if needed, then shows the shell with one page inside it.

import { signedOut } from "./api.js";
import { failure, loading } from "./components/states.js";
import { buildShell, markCurrent } from "./components/shell.js";
import { replace } from "./dom.js";
import * as abTests from "./pages/ab-tests.js";
import * as chat from "./pages/chat.js";
import * as compare from "./pages/compare.js";
import * as deletion from "./pages/deletion.js";
import * as deletions from "./pages/deletions.js";
import * as documentPage from "./pages/document.js";
import * as documents from "./pages/documents.js";
import * as evaluations from "./pages/evaluations.js";
import * as judges from "./pages/judges.js";
import * as night from "./pages/night.js";
import * as nights from "./pages/nights.js";
import * as notFound from "./pages/not-found.js";
import * as search from "./pages/search.js";
import * as sources from "./pages/sources.js";
import * as worst from "./pages/worst.js";
import { renderSignIn } from "./pages/sign-in.js";
import * as router from "./router.js";
import { resume } from "./session.js";
import { system } from "./system.js";

const root = document.getElementById("app");

router.route("/ui", "Ask", chat);
router.route("/ui/search", "Search", search);
router.route("/ui/documents", "Documents", documents);
router.route("/ui/documents/{id}", "Document", documentPage);
router.route("/ui/sources", "Sources", sources);
router.route("/ui/deletions", "Deletions", deletions);
router.route("/ui/deletions/{id}", "Deletion", deletion);
router.route("/ui/evaluations", "Evaluations", evaluations);
router.route("/ui/evaluations/nights", "Nights", nights);
router.route("/ui/evaluations/nights/{collection}/{night}", "Night", night);
router.route("/ui/evaluations/ab-tests", "A/B tests", abTests);
router.route("/ui/evaluations/compare", "Comparison", compare);
router.route("/ui/evaluations/worst", "Worst answers", worst);
router.route("/ui/evaluations/judges", "Judges", judges);
router.otherwise("Not found", notFound);

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
