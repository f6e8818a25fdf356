// The one Markdown renderer, for streamed and finished answers alike. It makes nodes, never markup: raw HTML and
// images show as text, links as text with their host. Every piece of text knows its place in the source, so that
// sentences can be marked with their verdicts.

import { h, replace } from "./dom.js";
import { renderInline } from "./markdown-inline.js";
import { Marker } from "./claims.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+-]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,11})([-*+]|\d{1,9}[.)])(\s+|$)/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?\s*$|^\s*\|\s*:?-+:?\s*\|\s*$/;
const MAX_DEPTH = 6;

/** Renders into `target`, keeping the nodes of blocks that did not change, so focus and selection survive. */
export function renderMarkdown(target, source, { claims = [], citations = new Map(), onCite = () => {} } = {}) {
  const kept = new Map([...target.children].map((node) => [node.signature, node]));
  const known = [...citations.keys()];
  const nodes = parseBlocks(linesOf(source), 0).map((block, i, blocks) => {
    const inside = claims.filter((claim) => claim.end > block.start && claim.start < block.end);
    const nextStart = blocks[i + 1]?.start ?? source.length + 1;
    const crossing = inside.some((claim) => claim.end > block.end) && nextStart;
    const signature = JSON.stringify([block.start, source.slice(block.start, block.end), inside, known, crossing]);
    if (kept.has(signature)) return kept.get(signature);
    const marker = new Marker({ claims: inside, citations, onCite });
    const node = renderBlock(block, marker);
    marker.finish(node, nextStart);
    node.signature = signature;
    return node;
  });
  if (nodes.length !== target.childNodes.length || nodes.some((node, i) => node !== target.childNodes[i])) {
    replaceChanged(target, nodes);
  }
}

function replaceChanged(target, nodes) {
  nodes.forEach((node, i) => {
    const present = target.childNodes[i];
    if (present === node) return;
    if (present) present.replaceWith(node);
    else target.append(node);
  });
  while (target.childNodes.length > nodes.length) target.lastChild.remove();
}

/** Lines as {text, at}: `at` is the place of the first character in the source. */
function linesOf(source) {
  const lines = [];
  let at = 0;
  for (const text of source.split("\n")) {
    lines.push({ text: text.replace(/\r$/, ""), at });
    at += text.length + 1;
  }
  return lines;
}

function parseBlocks(lines, depth) {
  const blocks = [];
  let i = 0;
  while (i < lines.length) {
    if (lines[i].text.trim() === "") {
      i += 1;
      continue;
    }
    const parse = depth < MAX_DEPTH ? parserOf(lines, i) : paragraph;
    const { block, next } = parse(lines, i, depth);
    blocks.push({ ...block, start: lines[i].at, end: lines[next - 1].at + lines[next - 1].text.length });
    i = next;
  }
  return blocks;
}

function parserOf(lines, i) {
  const { text } = lines[i];
  if (FENCE.test(text)) return fence;
  if (HEADING.test(text)) return heading;
  if (RULE.test(text)) return rule;
  if (QUOTE.test(text)) return quote;
  if (ITEM.test(text)) return list;
  if (isTable(lines, i)) return table;
  return paragraph;
}

const isTable = (lines, i) => lines[i].text.includes("|") && TABLE_RULE.test(lines[i + 1]?.text ?? "");
const cut = ({ text, at }, from) => ({ text: text.slice(from), at: at + from });

function fence(lines, i) {
  const [, mark] = FENCE.exec(lines[i].text);
  const close = new RegExp(`^ {0,3}${mark[0]}{${mark.length},}\\s*$`);
  let next = i + 1;
  while (next < lines.length && !close.test(lines[next].text)) next += 1;
  return { block: { kind: "code", lines: lines.slice(i + 1, next) }, next: Math.min(next + 1, lines.length) };
}

function heading(lines, i) {
  const [prefix] = HEADING.exec(lines[i].text);
  return { block: { kind: "heading", lines: [cut(lines[i], prefix.length)] }, next: i + 1 };
}

function rule(lines, i) {
  return { block: { kind: "rule" }, next: i + 1 };
}

function quote(lines, i, depth) {
  let next = i;
  while (next < lines.length && QUOTE.test(lines[next].text)) next += 1;
  const inner = lines.slice(i, next).map((line) => cut(line, QUOTE.exec(line.text)[0].length));
  return { block: { kind: "quote", blocks: parseBlocks(inner, depth + 1) }, next };
}

function list(lines, i, depth) {
  const [, , first] = ITEM.exec(lines[i].text);
  const ordered = /\d/.test(first);
  const items = [];
  let next = i;
  while (next < lines.length) {
    const match = ITEM.exec(lines[next].text);
    if (!match || /\d/.test(match[2]) !== ordered || RULE.test(lines[next].text)) break;
    const width = Math.min(match[0].length, match[1].length + match[2].length + 4);
    const end = endOfItem(lines, next, match[1].length + 2);
    const inner = lines.slice(next, end).map((line, n) => cut(line, n === 0 ? width : indentOf(line.text, width)));
    items.push(parseBlocks(inner, depth + 1));
    next = end;
    while (next < lines.length - 1 && lines[next].text.trim() === "" && ITEM.test(lines[next + 1].text)) next += 1;
  }
  return { block: { kind: "list", ordered, first: ordered ? Number.parseInt(first, 10) : 1, items }, next };
}

function endOfItem(lines, i, indent) {
  let next = i + 1;
  while (next < lines.length) {
    const { text } = lines[next];
    const deeper = indentOf(text, indent) >= indent;
    const blank = text.trim() === "";
    if (blank && indentOf(lines[next + 1]?.text ?? "", indent) < indent) break;
    if (!blank && !deeper && parserOf(lines, next) !== paragraph) break;
    next += 1;
  }
  return next;
}

const indentOf = (text, most) => Math.min(/^ */.exec(text)[0].length, most);

function table(lines, i) {
  let next = i + 2;
  while (next < lines.length && lines[next].text.includes("|")) next += 1;
  const rows = [lines[i], ...lines.slice(i + 2, next)].map(cells);
  return { block: { kind: "table", rows }, next };
}

function cells(line) {
  const found = [];
  const end = line.text.trimEnd().replace(/\|$/, "").length;
  let from = /^\s*\|?/.exec(line.text)[0].length;
  for (let at = from; at <= end; at += 1) {
    if (at < end && (line.text[at] !== "|" || line.text[at - 1] === "\\")) continue;
    const raw = line.text.slice(from, at);
    found.push({ text: raw.trim(), at: line.at + from + (raw.length - raw.trimStart().length) });
    from = at + 1;
  }
  return found;
}

function paragraph(lines, i) {
  let next = i + 1;
  while (next < lines.length && lines[next].text.trim() !== "" && parserOf(lines, next) === paragraph) next += 1;
  return { block: { kind: "paragraph", lines: lines.slice(i, next).map(dedent) }, next };
}

const dedent = (line) => cut(line, /^\s*/.exec(line.text)[0].length);

function renderBlock(block, marker) {
  const inline = (node, lines) => {
    renderInline(node, lines, marker);
    return node;
  };
  switch (block.kind) {
    case "code":
      return h("pre", { tabindex: "0" }, h("code", null, block.lines.map((line) => line.text).join("\n")));
    case "heading":
      return inline(h("p", { class: "md-heading" }), block.lines);
    case "rule":
      return h("hr");
    case "quote":
      return h("blockquote", null, block.blocks.map((inner) => renderBlock(inner, marker)));
    case "list":
      return renderList(block, marker);
    case "table":
      return renderTable(block, inline);
    default:
      return inline(h("p"), block.lines);
  }
}

function renderList({ ordered, first, items }, marker) {
  const node = ordered ? h("ol", { start: first }) : h("ul");
  for (const blocks of items) {
    const item = h("li");
    for (const block of blocks) {
      if (block.kind === "paragraph") renderInline(item, block.lines, marker);
      else item.append(renderBlock(block, marker));
    }
    node.append(item);
  }
  return node;
}

function renderTable({ rows: [head, ...body] }, inline) {
  const row = (cellsOfRow, tag) =>
    h("tr", null, head.map((_, n) => inline(h(tag, tag === "th" ? { scope: "col" } : null), [cellsOfRow[n] ?? { text: "", at: 0 }])));
  const node = h("table", null, h("thead", null, row(head, "th")), h("tbody", null, body.map((cellsOfRow) => row(cellsOfRow, "td"))));
  return h("div", { class: "md-table", tabindex: "0", role: "group", "aria-label": "Table" }, node);
}

/** The same text without Markdown's marks, for screen readers' announcements. */
export function plainText(source) {
  const scratch = h("div");
  renderMarkdown(scratch, source);
  return replace(h("p"), [...scratch.children].map((node) => `${node.textContent} `)).textContent.trim();
}
