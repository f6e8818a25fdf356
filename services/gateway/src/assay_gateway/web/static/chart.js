// A line chart over time in SVG: axes, intervals as bands and whiskers, a legend that switches lines, a tooltip for
// mouse and arrow keys, and the same numbers as a table. Lines differ by colour, dashes and markers.

import { h, replace, svg, uniqueId } from "./dom.js";
import { dateTime, plural, shortest, words } from "./format.js";

const HEIGHT = 260;
const MARGIN = { top: 14, right: 18, bottom: 34, left: 44 };
const SERIES_STYLES = 6;
const MOST_WHISKERS = 24;
const WHISKER = 3;

/**
 * `series`: [{name, points: [{x: Date, y: number, interval?: [lo, hi], note?: string, strong?: boolean}]}]; a strong
 * point is ringed. `domain`: the ends of the axis; without, from 0 to what is there. `floor`: {value, label} of a
 * line that the points should be above. `noun` and `when` say what a point in time is and how it is written.
 * `signal` ends the watching of the chart's width.
 */
export function lineChart({ title, series, signal, onChoose, domain = null, floor = null, hint = null, noun = "run", when = dateTime }) {
  const chart = new LineChart({ title, series, onChoose, domain, floor, hint, noun, when });
  const observer = new ResizeObserver(() => chart.draw());
  observer.observe(chart.plot);
  signal.addEventListener("abort", () => observer.disconnect());
  return chart.node;
}

class LineChart {
  #hidden = new Set();
  #focused = null;

  constructor({ title, series, hint, domain, ...given }) {
    Object.assign(this, given);
    this.series = series.map((line, i) => ({ ...line, style: i % SERIES_STYLES }));
    this.times = [...new Set(series.flatMap((line) => line.points.map((point) => point.x.getTime())))].sort((a, b) => a - b);
    this.title = title;
    this.ticks = ticksOf(domain ?? domainOf(this.series));
    const heading = uniqueId("chart");
    this.tooltip = h("div", { class: "chart-tooltip", role: "status", hidden: true });
    this.plot = h("div", { class: "chart-plot" });
    this.node = h("figure", { class: "chart", "aria-labelledby": heading },
      h("figcaption", { id: heading }, title), hint && h("p", { class: "fine chart-hint" }, hint), this.#legend(), this.plot, this.#table());
  }

  draw() {
    const width = Math.max(this.plot.clientWidth, 240);
    this.x = scale(this.times[0], this.times.at(-1), MARGIN.left + 10, width - MARGIN.right - 10);
    this.y = scale(this.ticks[0], this.ticks.at(-1), HEIGHT - MARGIN.bottom, MARGIN.top);
    this.cursor = svg("line", { class: "chart-cursor", y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, visibility: "hidden" });
    const shown = this.series.filter((line) => !this.#hidden.has(line.name));
    const root = svg("svg", {
      class: "chart-svg", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, tabindex: "0", role: "img",
      "aria-label": `${this.title}. ${plural(this.times.length, this.noun)}. Arrow keys read them one by one; the table below holds the same numbers.`,
      onpointermove: (event) => this.#point(this.#nearest(event.offsetX)),
      onpointerleave: () => this.#point(null),
      onblur: () => this.#point(null),
      onkeydown: (event) => this.#key(event),
      onclick: () => this.#focused !== null && this.onChoose?.(this.times[this.#focused]),
    }, this.#yAxis(width), this.#xAxis(width), this.#floor(width), this.cursor,
      shown.map((line) => this.#intervals(line)), shown.map((line) => this.#line(line)), shown.map((line) => this.#rings(line)));
    replace(this.plot, root, this.tooltip);
  }

  #yAxis(width) {
    return this.ticks.map((value) => svg("g", { class: "chart-tick" },
      svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: this.y(value), y2: this.y(value) }),
      svg("text", { x: MARGIN.left - 8, y: this.y(value) + 4, "text-anchor": "end" }, shortest(value))));
  }

  #floor(width) {
    if (!this.floor) return null;
    const y = this.y(this.floor.value);
    return svg("g", { class: "chart-floor" }, svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }),
      svg("text", { x: width - MARGIN.right, y: y + 14, "text-anchor": "end" }, this.floor.label));
  }

  /** Bands between points that follow each other with an interval each; whiskers while there is room for them. */
  #intervals({ points, style }) {
    const place = ({ x, interval }) => ({ x: this.x(x.getTime()), low: this.y(interval[0]), high: this.y(interval[1]) });
    const bands = [[]];
    for (const point of points) {
      if (point.interval) bands.at(-1).push(place(point));
      else bands.push([]);
    }
    const edge = (spots, side) => spots.map((spot) => `${spot.x.toFixed(1)} ${spot[side].toFixed(1)}`).join("L");
    const whiskers = this.times.length > MOST_WHISKERS ? [] : bands.flat();
    return svg("g", { class: "chart-interval", "data-style": style },
      bands.filter((band) => band.length > 1).map((band) => svg("path", { class: "chart-band", d: `M${edge(band, "low")}L${edge([...band].reverse(), "high")}Z` })),
      whiskers.map(({ x, low, high }) => svg("path", { class: "chart-whisker", d: `M${x} ${low}V${high}M${x - WHISKER} ${low}h${2 * WHISKER}M${x - WHISKER} ${high}h${2 * WHISKER}` })));
  }

  #xAxis(width) {
    const labels = dateLabels(this.times, Math.max(2, Math.floor(width / 130)));
    return labels.map(({ time, text }, i) => svg("g", { class: "chart-tick" },
      svg("text", { x: this.x(time), y: HEIGHT - 10, "text-anchor": labels.length === 1 ? "middle" : i === 0 ? "start" : i === labels.length - 1 ? "end" : "middle" }, text)));
  }

  #line({ points, style }) {
    const path = points.map(({ x, y }, i) => `${i ? "L" : "M"}${this.x(x.getTime()).toFixed(1)} ${this.y(y).toFixed(1)}`).join("");
    return svg("g", { class: "chart-line", "data-style": style },
      svg("path", { d: path }),
      points.map(({ x, y }) => marker(style, this.x(x.getTime()), this.y(y))));
  }

  #rings({ points }) {
    return points.filter(({ strong }) => strong).map(({ x, y }) => svg("circle", { class: "chart-ring", cx: this.x(x.getTime()), cy: this.y(y), r: 8 }));
  }

  #nearest(offsetX) {
    let best = 0;
    for (let i = 1; i < this.times.length; i += 1) {
      if (Math.abs(this.x(this.times[i]) - offsetX) < Math.abs(this.x(this.times[best]) - offsetX)) best = i;
    }
    return best;
  }

  #key(event) {
    const last = this.times.length - 1;
    const to = { ArrowRight: (this.#focused ?? -1) + 1, ArrowLeft: (this.#focused ?? last + 1) - 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.#point(null);
    if (event.key === "Enter" && this.#focused !== null) this.onChoose?.(this.times[this.#focused]);
    if (to === undefined) return;
    event.preventDefault();
    this.#point(Math.min(Math.max(to, 0), last));
  }

  #point(index) {
    if (index === this.#focused) return;
    this.#focused = index;
    this.tooltip.hidden = index === null;
    this.cursor.setAttribute("visibility", index === null ? "hidden" : "visible");
    if (index === null) return;
    const time = this.times[index];
    const at = this.x(time);
    this.cursor.setAttribute("x1", at);
    this.cursor.setAttribute("x2", at);
    replace(this.tooltip, h("strong", null, this.when(time)), h("ul", null, this.#valuesAt(time)));
    const values = this.series.flatMap((line) => line.points.filter(({ x }) => x.getTime() === time).map(({ y }) => y));
    const high = values.reduce((sum, y) => sum + y, 0) / values.length > (this.ticks[0] + this.ticks.at(-1)) / 2;
    this.tooltip.classList.toggle("is-below", high); // away from the lines it tells of
    const room = this.plot.clientWidth - this.tooltip.offsetWidth - 4;
    this.tooltip.style.left = `${Math.max(0, Math.min(at + 12, room))}px`;
  }

  #valuesAt(time) {
    return this.series.filter((line) => !this.#hidden.has(line.name)).flatMap((line) => {
      const point = line.points.find(({ x }) => x.getTime() === time);
      if (!point) return [];
      return [h("li", null, swatch(line.style), `${line.name} ${told(point)}`)];
    });
  }

  #legend() {
    return h("div", { class: "chart-legend", role: "group", "aria-label": "Lines shown" }, this.series.map((line) => h("button", {
      type: "button", class: "chart-key", "aria-pressed": "true",
      onclick: (event) => {
        const hide = !this.#hidden.has(line.name);
        if (hide) this.#hidden.add(line.name);
        else this.#hidden.delete(line.name);
        event.currentTarget.setAttribute("aria-pressed", String(!hide));
        this.draw();
      },
    }, swatch(line.style), line.name)));
  }

  #table() {
    const rows = [...this.times].reverse().map((time) => h("tr", null, h("th", { scope: "row" }, this.when(time)),
      this.series.map((line) => {
        const point = line.points.find(({ x }) => x.getTime() === time);
        return h("td", { class: "number" }, point ? told(point) : "–");
      })));
    return h("details", { class: "details-line" }, h("summary", null, "The same as a table"),
      h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": this.title }, h("table", { class: "table" },
        h("thead", null, h("tr", null, h("th", { scope: "col" }, words(this.noun)), this.series.map((line) => h("th", { scope: "col", class: "number" }, line.name)))),
        h("tbody", null, rows))));
  }
}

/** "0.812 (0.75 to 0.87), p = 0.2" */
function told({ y, interval, note }) {
  const range = interval ? ` (${interval.map((v) => v.toFixed(2)).join(" to ")})` : "";
  return `${Number.isInteger(y) ? y : y.toFixed(Math.abs(y) < 0.1 ? 4 : 3)}${range}${note ? `, ${note}` : ""}`;
}

function domainOf(series) {
  const all = series.flatMap(({ points }) => points.flatMap(({ y, interval }) => [y, ...(interval ?? [])]));
  return [Math.min(0, ...all), Math.max(0, ...all)];
}

/** About five round numbers, of which the first and the last hold the domain between them. */
function ticksOf([low, high]) {
  const rough = (high - low || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((n) => n * power >= rough * 0.999) * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(10)));
}

function scale(from, to, low, high) {
  if (from === to) return () => (low + high) / 2;
  return (value) => low + ((value - from) / (to - from)) * (high - low);
}

function dateLabels(times, most) {
  const span = times.at(-1) - times[0];
  const format = new Intl.DateTimeFormat(undefined, span > 2 * 86_400_000 ? { day: "numeric", month: "short" } : { weekday: "short", hour: "2-digit", minute: "2-digit" });
  const n = Math.min(most, times.length);
  if (n === 1 || span === 0) return [{ time: times[0], text: format.format(times[0]) }];
  return Array.from({ length: n }, (_, i) => times[0] + (span * i) / (n - 1)).map((time) => ({ time, text: format.format(time) }));
}

function marker(style, x, y) {
  switch (style % 4) {
    case 0:
      return svg("circle", { cx: x, cy: y, r: 3.5 });
    case 1:
      return svg("rect", { x: x - 3.2, y: y - 3.2, width: 6.4, height: 6.4 });
    case 2:
      return svg("path", { class: "chart-marker", d: `M${x} ${y - 4.4}l4.2 7.4h-8.4z` });
    default:
      return svg("path", { class: "chart-marker", d: `M${x} ${y - 4.6}l4.6 4.6-4.6 4.6-4.6-4.6z` });
  }
}

function swatch(style) {
  return svg("svg", { class: "chart-swatch", viewBox: "0 0 26 12", width: 26, height: 12, "aria-hidden": "true" },
    svg("g", { class: "chart-line", "data-style": style }, svg("path", { d: "M0 6H26" }), marker(style, 13, 6)));
}
