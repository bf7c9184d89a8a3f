"use strict";
// The sentences of a checkpoint, or one sentence over checkpoints: players, mels, alignment.

const SOURCES = {target: "Target", reconstruction: "Reconstruction", synthesis: "Synthesis"};
const addresses = new Map();

// The address of an embedded file, made when it is first shown.
function address(identifier) {
  if (!addresses.has(identifier)) {
    const holder = document.getElementById(identifier);
    const bytes = Uint8Array.from(atob(holder.textContent), letter => letter.charCodeAt(0));
    addresses.set(identifier, URL.createObjectURL(new Blob([bytes], {type: holder.dataset.type})));
  }
  return addresses.get(identifier);
}

const inSeconds = seconds => `${seconds.toFixed(2)} s`;

function player(source, audio, subject) {
  const node = element("audio", {
    controls: "", preload: "metadata", src: address(audio.media),
    "aria-label": `${SOURCES[source]} of ${subject}, ${inSeconds(audio.seconds)}`,
  });
  node.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== node) other.pause();
  });
  return node;
}

// A picture on the card's time axis, which is `seconds` long.
function track(picture, alt, seconds, kind) {
  const share = picture.frames / data.frame_rate / seconds;
  return element("div", {class: `track ${kind}`}, element("img", {
    src: address(picture.media), alt, style: `width: ${100 * share}%`,
  }));
}

// A line over the mel at the place that sounds; a click on the mel plays from there.
function follow(audio, mel, seconds) {
  const head = element("div", {class: "head", hidden: ""});
  mel.append(head);
  function move() {
    head.style.left = `${100 * audio.currentTime / seconds}%`;
    head.hidden = audio.ended || (audio.paused && audio.currentTime === 0);
    if (!audio.paused) requestAnimationFrame(move);
  }
  for (const name of ["play", "pause", "seeked", "ended"]) audio.addEventListener(name, move);
  mel.addEventListener("click", event => {
    const box = mel.getBoundingClientRect();
    const time = (event.clientX - box.left) / box.width * seconds;
    if (!(time < audio.duration)) return;
    audio.currentTime = time;
    audio.play();
  });
}

function timeAxis(seconds) {
  const axis = element("div", {class: "axis", "aria-hidden": "true"});
  for (const second of ticks(0, seconds, 8)) {
    const side = second > seconds * 0.9 ? "before" : "after"; // where the label has room
    axis.append(element("span", {class: side, style: `left: ${100 * second / seconds}%`},
      `${second} s`));
  }
  return element("div", {class: "row times"}, element("div"), axis);
}

function sourceRow(source, sample, subject, seconds) {
  const audio = sample.audio[source], mel = sample.mels[source];
  if (!audio && !mel) return null;
  const title = element("h4", {}, SOURCES[source]);
  const left = element("div", {}, title);
  let sound = null;
  if (audio) {
    title.append(element("small", {}, inSeconds(audio.seconds)));
    sound = player(source, audio, subject);
    left.append(sound);
  }
  const row = element("div", {class: "row"}, left);
  if (mel) {
    const length = inSeconds(mel.frames / data.frame_rate);
    const picture = track(mel, `Mel spectrogram, ${SOURCES[source].toLowerCase()} of ${subject}, `
      + `${length}, low frequencies at the bottom`, seconds, "mel");
    if (sound) follow(sound, picture, seconds);
    row.append(picture);
  } else {
    row.append(element("p", {class: "absent"}, "no picture of its mel"));
  }
  return row;
}

function numbers(sample) {
  const pairs = Object.entries(sample.numbers).map(([name, value]) => {
    const share = name.startsWith("share_");
    const shown = share ? `${(100 * value).toFixed(0)} %` : readable(value);
    return [spaced(share ? name.replace("share_of_", "") : name), shown];
  });
  const {target, synthesis} = sample.audio;
  if (target && synthesis) {
    pairs.push(["synthesis / target length", (synthesis.seconds / target.seconds).toFixed(2)]);
  }
  return element("dl", {class: "numbers"}, ...definitions(pairs));
}

function alignmentRow(sample, subject, seconds) {
  const left = element("div", {}, element("h4", {}, "Alignment"), numbers(sample));
  const row = element("div", {class: "row"}, left);
  row.append(sample.alignment
    ? track(sample.alignment, `Alignment of ${subject}: frames from left to right, symbols from bottom `
      + "to top", seconds, "alignment")
    : element("p", {class: "absent"}, "no alignment picture"));
  return row;
}

function card(step, sample) {
  const subject = `${sample.id}, step ${step}`;
  const frames = [...Object.values(sample.mels), sample.alignment].map(picture => picture?.frames ?? 0);
  const lengths = Object.values(sample.audio).map(audio => audio.seconds);
  const seconds = Math.max(...frames.map(count => count / data.frame_rate), ...lengths) || 1;
  const title = element("h3", {}, element("span", {}, sample.id), element("span", {}, `step ${step}`));
  if (sample.speaker !== null) title.append(element("span", {}, `speaker ${sample.speaker}`));
  const rows = Object.keys(SOURCES).map(source => sourceRow(source, sample, subject, seconds));
  return element("article", {class: "card", "aria-label": subject}, title,
    element("p", {class: "text", dir: "auto"}, sample.text),
    ...rows.filter(row => row), timeAxis(seconds), alignmentRow(sample, subject, seconds));
}

function showCards() {
  const step = document.getElementById("step").value;
  const sentence = document.getElementById("sentence").value;
  document.getElementById("cards").replaceChildren(...data.steps
    .filter(checkpoint => !step || String(checkpoint.step) === step)
    .flatMap(checkpoint => checkpoint.samples
      .filter(sample => !sentence || sample.id === sentence)
      .map(sample => card(checkpoint.step, sample))));
}

function showChoices() {
  const texts = new Map();
  for (const {samples} of data.steps) for (const sample of samples) texts.set(sample.id, sample.text);
  const steps = data.steps.map(({step}, i) =>
    element("option", {value: step}, `${step}${i ? "" : " (newest)"}`));
  const sentences = [...texts].sort().map(([identifier, text]) => element("option",
    {value: identifier}, `${identifier}: ${text.length > 40 ? text.slice(0, 40) + "…" : text}`));
  document.getElementById("step").append(...steps, element("option", {value: ""}, "all shown"));
  document.getElementById("sentence").append(element("option", {value: ""}, "all"), ...sentences);
  const shown = data.steps.map(({step}) => step).reverse().join(", ");
  document.getElementById("thinned").textContent = data.steps.length < data.n_steps_in_run
    ? `${data.steps.length} of the run's ${data.n_steps_in_run} checkpoints with samples are on this `
      + `page, to bound its size: steps ${shown}.`
    : `Checkpoints with samples: steps ${shown}.`;
  for (const name of ["step", "sentence"]) {
    document.getElementById(name).addEventListener("change", showCards);
  }
}

showChoices();
showCards();
