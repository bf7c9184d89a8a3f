"use strict";
// The header and the charts: every loss with training and validation on the same axes.

const data = JSON.parse(document.getElementById("data").textContent);
// A vocoder's samples have no text.
const NOUN = data.sentences.some(({text}) => text !== null) ? "sentence" : "recording";
const GROUPS = {
  losses: "Losses", scores: `Scores of the ${NOUN}s above`,
  alignment: "Alignment of the validation list",
  optimizer: "Learning rate and gradient norms", speed: "Speed",
};
const EXPECTED = { // of a run that goes well, in few words
  mel: "falls all the time",
  kl: "falls early, then stays",
  duration: "falls slowly",
  total: "mostly mel",
  adversarial: "settles, then swings",
  discriminator: "settles, then swings",
  feature_matching: "rises",
  share_of_symbols_with_at_most_one_frame: "falls early, then stays",
  longest_symbol_frames: "falls early, then stays",
  share_of_silence: "stays near the speaker's pauses",
  reconstruction_mel_distance: "falls all the time",
  mel_distance: "falls all the time",
  mel_distance_below_2_khz: "pitch and vowels",
  mel_distance_2_to_5_khz: "clear speech",
  mel_distance_above_5_khz: "hiss",
  synthesis_length_ratio: "comes near 1",
  share_of_clipped_samples: "stays near 0",
};
const HEIGHT = 170, LEFT = 46, RIGHT = 10, TOP = 8, BOTTOM = 20; // pixels around the plot

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const spaced = name => name.replaceAll("_", " ").replace("khz", "kHz");

function readable(value) {
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(2) : String(+value.toPrecision(4));
}

function definitions(pairs) {
  return pairs.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value)));
}

// Hide the hints that are not about this run: data-with and data-without name sounds, pictures
// and curves, and a hint with several names needs one of them.
function showHints() {
  const samples = data.steps.flatMap(step => step.samples);
  const there = new Set(samples.flatMap(({sounds, pictures}) => [...sounds, ...pictures]));
  for (const {name} of data.curves) there.add(name);
  for (const hint of document.querySelectorAll("[data-with], [data-without]")) {
    const {with: wanted, without: unwanted} = hint.dataset;
    const has = names => names.split(" ").some(name => there.has(name));
    hint.hidden = (wanted && !has(wanted)) || Boolean(unwanted && has(unwanted));
  }
  for (const node of document.querySelectorAll(".noun")) node.textContent = NOUN;
}

function showHeader() {
  document.getElementById("run").textContent = data.run;
  document.getElementById("made").textContent =
    `Newest step ${data.newest_step.toLocaleString("en")}. Page made ${data.made}.`;
  document.getElementById("summary").append(
    ...definitions(data.summary.map(([name, value]) => [name, String(value)])));
  document.getElementById("notes").append(...data.notes.map(note => element("li", {}, note)));
  for (const [section, keys] of Object.entries(data.config)) {
    const pairs = Object.entries(keys).map(([key, value]) =>
      [key, Array.isArray(value) ? value.join(" ") : typeof value === "string" ? value
        : JSON.stringify(value)]);
    document.getElementById("config").append(element("section", {},
      element("h3", {}, section), element("dl", {}, ...definitions(pairs))));
  }
}

// Round numbers between low and high, at most `most` of them.
function ticks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map(factor => factor * power).find(step => step >= rough);
  const found = [];
  for (let k = Math.ceil(low / size - 1e-9); k * size <= high + 1e-9 * size; k++) {
    found.push(+(k * size).toPrecision(10));
  }
  return found;
}

// A chart's scales from values to pixels. On a logarithmic axis only positive values have a place.
function scales(chart, width, logarithmic) {
  const drawable = Object.entries(chart.series).map(([part, series]) =>
    [part, series.points.filter(point => !logarithmic || point[2] > 0)]);
  const points = drawable.flatMap(([, kept]) => kept);
  if (!points.length) return null;
  const forward = logarithmic ? Math.log10 : value => value;
  let first = Math.min(...points.map(point => point[0]));
  let last = Math.max(...points.map(point => point[0]));
  let low = forward(Math.min(...points.map(point => point[2])));
  let high = forward(Math.max(...points.map(point => point[3])));
  const room = (high - low) * 0.04 || Math.abs(high) * 0.1 || 1;
  low -= room;
  high += room;
  if (first === last) { first -= 1; last += 1; }
  return {
    drawable, first, last, low, high,
    x: step => LEFT + (step - first) / (last - first) * (width - LEFT - RIGHT),
    y: value => TOP + (high - forward(value)) / (high - low) * (HEIGHT - TOP - BOTTOM),
  };
}

function verticalTicks(scale, logarithmic) {
  if (!logarithmic) return ticks(scale.low, scale.high, 4);
  const decades = ticks(scale.low, scale.high, 4).filter(Number.isInteger).map(power => 10 ** power);
  return decades.length > 1 ? decades
    : ticks(10 ** scale.low, 10 ** scale.high, 4).filter(value => value > 0);
}

const shortStep = step => step >= 1e6 ? `${+(step / 1e6).toPrecision(4)}M`
  : step >= 1e4 ? `${+(step / 1e3).toPrecision(4)}k` : String(step);

function line(points) {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

function drawing(scale, width, logarithmic) {
  let svg = "";
  for (const value of verticalTicks(scale, logarithmic)) {
    const y = scale.y(value).toFixed(1);
    svg += `<line class="grid" x1="${LEFT}" x2="${width - RIGHT}" y1="${y}" y2="${y}"/>`
      + `<text x="${LEFT - 5}" y="${+y + 4}" text-anchor="end">${readable(value)}</text>`;
  }
  for (const step of ticks(scale.first, scale.last, Math.max(2, Math.floor(width / 65)))) {
    if (!Number.isInteger(step)) continue;
    const x = scale.x(step);
    const anchor = x > width - 30 ? "end" : "middle";
    svg += `<text x="${x.toFixed(1)}" y="${HEIGHT - 5}" text-anchor="${anchor}">${shortStep(step)}</text>`;
  }
  for (const [part, points] of scale.drawable) {
    const middle = points.map(([step, mean]) => [scale.x(step), scale.y(mean)]);
    const above = points.map(([step, , , greatest]) => [scale.x(step), scale.y(greatest)]);
    const below = points.map(([step, , least]) => [scale.x(step), scale.y(least)]).reverse();
    svg += `<g class="${partName(part) === "validation" ? "valid" : "train"}">`;
    if (points.some(point => point[3] > point[2])) {
      svg += `<path class="band" d="${line(above)}${line(below).replace("M", "L")}Z"/>`;
    }
    svg += `<path class="curve" d="${line(middle)}"/>`;
    if (points.length <= 25) {
      svg += middle.map(([x, y]) =>
        `<circle class="dot" r="2.5" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}"/>`).join("");
    }
    svg += "</g>";
  }
  return svg + `<line class="cursor" y1="${TOP}" y2="${HEIGHT - BOTTOM}" visibility="hidden"/>`;
}

const PARTS = {
  train: "training", valid: "validation", alignment: "validation", sentences: `${NOUN}s`,
};
const partName = part => PARTS[part] ?? part;

// In words, for those who cannot see the chart.
function description(chart) {
  const parts = Object.entries(chart.series).filter(([, series]) => series.points.length);
  return `${spaced(chart.name)}: ` + parts.map(([part, {points}]) => {
    const [first, last] = [points[0], points.at(-1)];
    return `${partName(part)} from ${readable(first[1])} at step ${first[0]} `
      + `to ${readable(last[1])} at step ${last[0]}`;
  }).join("; ");
}

function remarks(chart, logarithmic) {
  const found = [];
  for (const [part, series] of Object.entries(chart.series)) {
    if (series.not_finite) {
      found.push(`${partName(part)}: not drawn because not finite: ${series.not_finite}`);
    }
    const lost = series.points.filter(point => point[2] <= 0).length;
    if (logarithmic && lost) found.push(`${partName(part)}: not drawn because not above 0: ${lost}`);
  }
  return found.join("; ");
}

function addChart(chart, parent) {
  const values = element("output");
  const picture = element("div");
  const remark = element("p", {class: "hint"});
  parent.append(element("figure", {class: "chart"},
    element("figcaption", {}, element("strong", {}, spaced(chart.name)), " ",
      element("small", {}, EXPECTED[chart.name] ?? ""), values), picture, remark));
  const steps = [...new Set(Object.values(chart.series)
    .flatMap(series => series.points.map(point => point[0])))].sort((a, b) => a - b);
  let scale = null, svg = null, width = 0, at = steps.length - 1;

  function nearest(points, step) {
    return points.reduce((best, point) =>
      Math.abs(point[0] - step) < Math.abs(best[0] - step) ? point : best);
  }
  function read(place, visible) {
    if (!scale) return;
    at = Math.max(0, Math.min(steps.length - 1, place));
    const step = steps[at];
    values.textContent = `step ${step} · ` + scale.drawable.filter(([, points]) => points.length)
      .map(([part, points]) => {
        const point = nearest(points, step);
        const where = point[0] === step ? "" : ` (${point[0]})`;
        return `${partName(part)} ${readable(point[1])}${where}`;
      }).join(" · ");
    const cursor = svg.querySelector(".cursor");
    cursor.setAttribute("x1", scale.x(step));
    cursor.setAttribute("x2", scale.x(step));
    cursor.setAttribute("visibility", visible ? "visible" : "hidden");
  }
  function draw() {
    const logarithmic = document.getElementById("logarithmic").checked;
    scale = scales(chart, width, logarithmic);
    remark.textContent = remarks(chart, logarithmic);
    remark.hidden = !remark.textContent;
    picture.innerHTML = `<svg role="img" tabindex="0" viewBox="0 0 ${width} ${HEIGHT}">`
      + (scale ? drawing(scale, width, logarithmic)
        : `<text x="${LEFT}" y="${HEIGHT / 2}">nothing to draw</text>`) + "</svg>";
    svg = picture.firstChild;
    svg.setAttribute("aria-label", description(chart));
    svg.addEventListener("pointermove", event => {
      if (!scale) return;
      const x = event.clientX - svg.getBoundingClientRect().left;
      const distances = steps.map(step => Math.abs(scale.x(step) - x));
      read(distances.indexOf(Math.min(...distances)), true);
    });
    svg.addEventListener("pointerleave", () => read(steps.length - 1, false));
    svg.addEventListener("keydown", event => {
      const move = {ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity}[event.key];
      if (!move) return;
      event.preventDefault();
      read(at + move, true);
    });
    read(steps.length - 1, false);
  }
  new ResizeObserver(() => {
    if (picture.clientWidth === width) return;
    width = picture.clientWidth;
    draw();
  }).observe(picture);
  document.getElementById("logarithmic").addEventListener("change", draw);
}

function showCurves() {
  const parent = document.getElementById("charts");
  const averaged = data.curves.some(chart =>
    Object.values(chart.series).some(series => series.values > series.points.length));
  document.getElementById("averaged").hidden = !averaged;
  for (const [group, title] of Object.entries(GROUPS)) {
    const charts = data.curves.filter(chart => chart.group === group);
    if (!charts.length) continue;
    const grid = element("div", {class: "charts"});
    parent.append(element("h3", {}, title), grid);
    charts.forEach(chart => addChart(chart, grid));
  }
}

showHints();
showHeader();
showCurves();
