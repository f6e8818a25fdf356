// Every call to the gateway. Errors arrive as Problem (RFC 9457), whatever went wrong.

import { events } from "./sse.js";

/** What the API, or the lack of an answer from it, says about a call that failed. */
export class Problem extends Error {
  constructor({ status = 0, code = "unknown", title = "Something went wrong", detail = "", ...rest }) {
    super(detail || title);
    Object.assign(this, { status, code, title, detail, rest });
    this.retryAfterS = rest.retry_after_s ?? null;
    this.requestId = rest.request_id ?? null;
  }
}

const UNREACHABLE = {
  code: "unreachable",
  title: "Assay does not answer",
  detail: "The server could not be reached. Check with “assay status” that it is running, then try again.",
};

export const signedOut = new EventTarget();

/** Sends a request; returns the parsed JSON, or null where there is none. */
export async function call(method, path, { body, signal } = {}) {
  const response = await send(method, path, { body, signal });
  if (response.status === 204 || response.headers.get("content-length") === "0") return null;
  return response.json();
}

/** Sends a request; returns its events as an async iterator. */
export async function stream(method, path, { body, signal } = {}) {
  const response = await send(method, path, { body, signal, accept: "text/event-stream" });
  return events(response);
}

async function send(method, path, { body, signal, accept = "application/json" }) {
  const headers = { Accept: accept };
  if (method !== "GET") headers["X-Assay-Request"] = "1";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const init = { method, headers, signal, credentials: "same-origin" };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await fetch(path, init).catch((error) => {
    throw error.name === "AbortError" ? error : new Problem(UNREACHABLE);
  });
  if (!response.ok) throw problemOf(response.status, await response.text(), path);
  return response;
}

function problemOf(status, text, path) {
  if (status === 401 && path !== "/ui/session") signedOut.dispatchEvent(new Event("signed-out"));
  try {
    return new Problem({ status, ...JSON.parse(text) });
  } catch {
    return new Problem({ status, title: `The server answered ${status}`, detail: "It gave no reason that can be shown." });
  }
}

/** Uploads a file with progress, which fetch cannot report. Resolves to the Upload of the API. */
export function upload(collection, file, { name, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${collectionPath(collection)}/documents`);
    request.setRequestHeader("X-Assay-Request", "1");
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onerror = () => reject(new Problem(UNREACHABLE));
    request.onabort = () => reject(new DOMException("The upload was cancelled", "AbortError"));
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(problemOf(request.status, request.responseText, ""));
    };
    signal?.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("name", name);
    form.append("file", file, file.name);
    request.send(form);
  });
}

export const collectionPath = (name) => `/v1/collections/${encodeURIComponent(name)}`;
const documentPath = (id) => `/v1/documents/${encodeURIComponent(id)}`;
const answerPath = (id) => `/v1/answers/${encodeURIComponent(id)}`;
const nightsPath = (collection) => `/v1/evaluations/nights/${encodeURIComponent(collection)}`;
const datasetsPath = (collection) => `/v1/evaluations/datasets/${encodeURIComponent(collection)}`;
const withQuery = (path, query) => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
};

export const api = {
  me: (o) => call("GET", "/v1/me", o),
  signIn: (apiKey) => call("POST", "/ui/session", { body: { api_key: apiKey } }),
  signOut: () => call("DELETE", "/ui/session"),
  system: (o) => call("GET", "/v1/system", o),

  collections: async (o) => (await call("GET", "/v1/collections", o)).collections,
  collection: (name, o) => call("GET", collectionPath(name), o),
  createCollection: (body) => call("POST", "/v1/collections", { body }),

  documents: (collection, query, o) => call("GET", withQuery(`${collectionPath(collection)}/documents`, query), o),
  document: (id, o) => call("GET", documentPath(id), o),
  changeDocument: (id, body) => call("PATCH", documentPath(id), { body }),
  deleteDocument: (id) => call("DELETE", documentPath(id)),
  deleteDocuments: (collection, body) => call("POST", `${collectionPath(collection)}/documents/delete`, { body }),
  retryDocument: (id) => call("POST", `${documentPath(id)}/retry`),
  cancelDocument: (id) => call("POST", `${documentPath(id)}/cancel`),
  documentHistory: async (id, o) => (await call("GET", `${documentPath(id)}/events?history=true`, o)).events,
  jobs: (query, o) => call("GET", withQuery("/v1/jobs", query), o),
  replayJob: (id) => call("POST", `/v1/jobs/${encodeURIComponent(id)}/replay`),
  replayJobs: (body) => call("POST", "/v1/jobs/replay", { body }),
  setPaused: (collection, paused) => call("POST", `${collectionPath(collection)}/${paused ? "pause" : "resume"}`),
  documentEvents: (id, o) => stream("GET", `${documentPath(id)}/events`, o),
  text: (id, version, span, o) => call("GET", withQuery(`${documentPath(id)}/versions/${version}/text`, span), o),
  chunks: (id, version, query, o) => call("GET", withQuery(`${documentPath(id)}/versions/${version}/chunks`, query), o),

  erasures: (query, o) => call("GET", withQuery("/v1/erasures", query), o),
  erasure: (id, o) => call("GET", `/v1/erasures/${encodeURIComponent(id)}`, o),
  receiptKey: (o) => call("GET", "/v1/erasures/public-key", o),
  holds: (query, o) => call("GET", withQuery("/v1/holds", query), o),
  hold: (id, o) => call("GET", `${documentPath(id)}/hold`, o),
  placeHold: (id, body) => call("PUT", `${documentPath(id)}/hold`, { body }),
  liftHold: (id) => call("DELETE", `${documentPath(id)}/hold`),

  sources: async (o) => (await call("GET", "/v1/sources", o)).sources,
  sourceRuns: async (id, o) => (await call("GET", `/v1/sources/${encodeURIComponent(id)}/runs`, o)).runs,
  runSource: (id, body) => call("POST", `/v1/sources/${encodeURIComponent(id)}/runs`, { body }),
  changeSource: (id, body) => call("PATCH", `/v1/sources/${encodeURIComponent(id)}`, { body }),

  search: (collection, body, o) => call("POST", `${collectionPath(collection)}/search`, { body, ...o }),
  ask: (collection, body, o) => stream("POST", `${collectionPath(collection)}/ask`, { body: { ...body, stream: true }, ...o }),

  runs: async (query, o) => (await call("GET", withQuery("/v1/evaluations/runs", query), o)).runs,
  run: (id, o) => call("GET", `/v1/evaluations/runs/${encodeURIComponent(id)}`, o),
  nights: async (query, o) => (await call("GET", withQuery("/v1/evaluations/nights", query), o)).nights,
  night: (collection, night, o) => call("GET", `${nightsPath(collection)}/${encodeURIComponent(night)}`, o),
  beginNight: async (collection) => (await call("POST", nightsPath(collection))).runs,
  abTests: async (query, o) => (await call("GET", withQuery("/v1/ab-tests", query), o)).tests,
  startAbTest: (body) => call("POST", "/v1/ab-tests", { body }),
  stopAbTest: (id) => call("POST", `/v1/ab-tests/${encodeURIComponent(id)}/stop`, { body: {} }),
  compare: (baseline, run, o) => call("GET", withQuery("/v1/evaluations/compare", { baseline, run }), o),
  baselines: async (o) => (await call("GET", "/v1/evaluations/baselines", o)).baselines,
  nameBaseline: (name, run) => call("PUT", `/v1/evaluations/baselines/${encodeURIComponent(name)}`, { body: { run } }),
  answer: (id, o) => call("GET", `/v1/evaluations/answers/${encodeURIComponent(id)}`, o),
  labels: async (answer, o) => (await call("GET", `${answerPath(answer)}/labels`, o)).labels,
  putLabels: async (answer, labels) => (await call("PUT", `${answerPath(answer)}/labels`, { body: { labels } })).labels,
  labelledClaims: async (query, o) => (await call("GET", withQuery("/v1/evaluations/labels", query), o)).claims,
  addQuestions: (collection, dataset, questions) => call("POST", `${datasetsPath(collection)}/${encodeURIComponent(dataset)}/questions`, { body: { questions } }),
  startRun: (body) => call("POST", "/v1/evaluations/runs", { body }),
};
