// Who is signed in, and which theme and collection this browser last chose.

import { api } from "./api.js";

export const session = { me: null };

/** Whether who is signed in holds one of these roles; an administrator holds all. */
export const may = (...roles) => [...roles, "administrator"].some((role) => session.me?.roles.includes(role));

/** True if the browser already holds a valid session. */
export async function resume() {
  try {
    session.me = await api.me();
    return true;
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) return false;
    throw problem;
  }
}

export async function signIn(apiKey) {
  await api.signIn(apiKey);
  session.me = await api.me();
}

export async function signOut() {
  await api.signOut();
  session.me = null;
}

export const preferences = {
  get theme() {
    return document.documentElement.dataset.theme ?? "system";
  },
  set theme(value) {
    if (value === "system") {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem("assay.theme");
    } else {
      document.documentElement.dataset.theme = value;
      localStorage.setItem("assay.theme", value);
    }
  },
  get collection() {
    return localStorage.getItem("assay.collection");
  },
  set collection(name) {
    localStorage.setItem("assay.collection", name);
  },
};
