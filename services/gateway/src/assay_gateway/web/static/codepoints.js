// The API counts characters as Python does, by code point; JavaScript strings count UTF-16 units.
// The two differ after the first emoji.

/** Turns code point offsets of `text` into string indexes. */
export function indexer(text) {
  if (!/[\ud800-\udbff]/.test(text)) return (offset) => Math.min(Math.max(offset, 0), text.length);
  const starts = [];
  let at = 0;
  for (const character of text) {
    starts.push(at);
    at += character.length;
  }
  starts.push(at);
  return (offset) => starts[Math.min(Math.max(offset, 0), starts.length - 1)];
}
