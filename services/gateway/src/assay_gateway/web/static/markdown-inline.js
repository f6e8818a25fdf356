// Inline Markdown: emphasis, code, links as text, citation marks. Reads lines {text, at}, writes nodes.

import { h } from "./dom.js";

const MAX_DEPTH = 8;
const ESCAPE = /\\([!-/:-@[-`{-~])/y;
const CODE = /(`+)(?!`)([^]{0,4000}?[^`])\1(?!`)/y;
const IMAGE = /!\[([^\]]{0,500})\]\(([^()\s]{0,2000})(?:\s+"[^"]{0,500}")?\)/y;
const LINK = /\[([^\][]{1,500})\]\(<?([^()\s<>]{0,2000})>?(?:\s+"[^"]{0,500}")?\)/y;
const CITATION = /\[(\d{1,3}(?:\s*[,;]\s*\d{1,3}){0,9})\]/y;
const EMPHASIS = [
  { mark: "**", tag: "strong", inWord: true },
  { mark: "__", tag: "strong", inWord: false },
  { mark: "~~", tag: "s", inWord: true },
  { mark: "*", tag: "em", inWord: true },
  { mark: "_", tag: "em", inWord: false },
];
const WORD = /[\p{L}\p{N}]/u;

/** Appends the inline content of `lines` to `parent`; `marker` writes the text and the citations. */
export function renderInline(parent, lines, marker) {
  const text = lines.map((line) => line.text).join("\n");
  const at = (index) => {
    let from = 0;
    for (const line of lines) {
      if (index <= from + line.text.length) return line.at + index - from;
      from += line.text.length + 1;
    }
    return lines.at(-1).at + lines.at(-1).text.length;
  };
  span(parent, { text, at, marker }, 0, text.length, 0);
}

function span(parent, context, from, to, depth) {
  const { text } = context;
  let plain = from;
  let i = from;
  const flush = (end) => {
    if (end > plain) context.marker.text(parent, text.slice(plain, end), context.at(plain));
  };
  while (i < to) {
    const piece = depth < MAX_DEPTH && "\\`![*_~".includes(text[i]) ? pieceAt(context, i, to, depth) : null;
    if (!piece) {
      i += 1;
      continue;
    }
    flush(i);
    piece.write(parent);
    i = piece.end;
    plain = i;
  }
  flush(to);
}

function pieceAt(context, i, to, depth) {
  const piece = escaped(context, i) ?? code(context, i) ?? image(context, i) ?? cited(context, i)
    ?? link(context, i, depth) ?? emphasis(context, i, to, depth);
  return piece && piece.end <= to ? piece : null;
}

function match(pattern, text, i) {
  pattern.lastIndex = i;
  return pattern.exec(text);
}

function escaped({ text, at, marker }, i) {
  const found = match(ESCAPE, text, i);
  return found && { end: i + 2, write: (parent) => marker.text(parent, found[1], at(i + 1)) };
}

function code({ text, at, marker }, i) {
  const found = match(CODE, text, i);
  if (!found) return null;
  const write = (parent) => {
    const node = h("code");
    parent.append(node);
    marker.text(node, found[2].trim() || found[2], at(i + found[1].length));
  };
  return { end: i + found[0].length, write };
}

function image({ text, at, marker }, i) {
  const found = match(IMAGE, text, i);
  return found && {
    end: i + found[0].length,
    write: (parent) => {
      marker.text(parent, found[1], at(i + 2));
      parent.append(h("span", { class: "md-host" }, found[1] ? " (image not shown)" : "(image not shown)"));
    },
  };
}

function cited({ text, at, marker }, i) {
  const found = match(CITATION, text, i);
  if (!found || text[i + found[0].length] === "(") return null;
  const numbers = found[1].split(/[,;]/).map(Number);
  if (!numbers.some((n) => marker.knows(n))) return null;
  return { end: i + found[0].length, write: (parent) => marker.cite(parent, numbers, at(i)) };
}

function link(context, i, depth) {
  const found = match(LINK, context.text, i);
  if (!found) return null;
  const write = (parent) => {
    const node = h("span", { class: "md-link" });
    parent.append(node);
    span(node, context, i + 1, i + 1 + found[1].length, depth + 1);
    const host = hostOf(found[2]);
    if (host && host !== found[1]) parent.append(h("span", { class: "md-host" }, ` (${host})`));
  };
  return { end: i + found[0].length, write };
}

function hostOf(address) {
  try {
    const url = new URL(address);
    return url.host || url.protocol;
  } catch {
    return address;
  }
}

function emphasis(context, i, to, depth) {
  const { text } = context;
  const kind = EMPHASIS.find(({ mark }) => text.startsWith(mark, i));
  if (!kind) return null;
  const { mark, tag, inWord } = kind;
  const open = i + mark.length;
  if (open >= to || /\s/.test(text[open]) || (!inWord && i > 0 && WORD.test(text[i - 1]))) return null;
  const close = closing(text, mark, open, to, inWord);
  if (close < 0) return null;
  const write = (parent) => {
    const node = h(tag);
    parent.append(node);
    span(node, context, open, close, depth + 1);
  };
  return { end: close + mark.length, write };
}

function closing(text, mark, open, to, inWord) {
  for (let at = text.indexOf(mark, open + 1); at >= 0 && at + mark.length <= to; at = text.indexOf(mark, at + 1)) {
    const after = text[at + mark.length];
    if (/\s/.test(text[at - 1]) || text[at - 1] === "\\") continue;
    if (mark.length === 1 && (after === mark || text[at - 1] === mark)) continue;
    if (!inWord && after && WORD.test(after)) continue;
    return at;
  }
  return -1;
}
