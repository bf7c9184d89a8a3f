"use strict";
// The fixed sentences or recordings at the chosen steps, side by side: players, mels, pictures,
// scores.

const DRAWN = { // in the pictures besides the mels, for those who cannot see them
  alignment: "frames from left to right, symbols from bottom to top",
  difference: "where its mel is unlike the recording's, low frequencies at the bottom",
};
const USUAL = { // for speech; outside a number is coloured
  synthesis_length_ratio: [0.8, 1.25],
  share_of_clipped_samples: [0, 0.001],
  share_of_silence: [0, 0.5],
};
const N_AT_ONCE = 3; // steps to begin with
const addresses = new Map();
const newest = data.steps[0].step;
let chosen = []; // steps, newest first

// Where a file of the samples is: in the page itself, or beside it.
function address(path) {
  const holder = document.getElementById(path);
  if (!holder) return data.root + path;
  if (!addresses.has(path)) {
    const bytes = Uint8Array.from(atob(holder.textContent), letter => letter.charCodeAt(0));
    addresses.set(path, URL.createObjectURL(new Blob([bytes], {type: holder.dataset.type})));
  }
  return addresses.get(path);
}

const titled = name => name[0].toUpperCase() + spaced(name.slice(1));
const inSeconds = seconds => `${seconds.toFixed(2)} s`;
const secondsOf = nSamples => nSamples / data.sample_rate;
const secondsOfFrames = frames => frames * data.hop_length / data.sample_rate;

// A picture, one pixel wide per frame, on a time axis that is `seconds` long.
function track(path, frames, alt, seconds, kind) {
  return element("div", {class: `track ${kind}`}, element("img", {
    src: address(path), alt, loading: "lazy",
    style: `width: ${100 * secondsOfFrames(frames) / seconds}%`,
  }));
}

// A line over the mel at the place that sounds; a click on the mel plays from there.
function follow(audio, mel, duration, seconds) {
  const head = element("div", {class: "head", hidden: ""});
  mel.append(head);
  function move() {
    head.style.left = `${100 * audio.currentTime / seconds}%`;
    head.hidden = audio.ended || (audio.paused && audio.currentTime === 0);
    if (!audio.paused) requestAnimationFrame(move);
  }
  for (const name of ["play", "pause", "seeked", "ended"]) audio.addEventListener(name, move);
  mel.addEventListener("click", async event => {
    const box = mel.getBoundingClientRect();
    const time = (event.clientX - box.left) / box.width * seconds;
    if (time >= duration) return;
    await fetchWhole(audio);
    audio.currentTime = time;
    audio.play().catch(() => {}); // stopped before it began; of a fault the error event tells
  });
}

// Servers without byte ranges, such as Python's own, let a file be played from its start only.
async function fetchWhole(audio) {
  if (!audio.src.startsWith("http")) return;
  const answer = await fetch(audio.src);
  if (answer.ok) audio.src = URL.createObjectURL(await answer.blob());
}

// Player and mel of one sound, `nSamples` long; its files are named `path` and `picture`.
function sound(title, subject, nSamples, path, picture, seconds) {
  if (nSamples === undefined) {
    return element("div", {}, element("h5", {}, title),
      element("p", {class: "absent"}, "none: it was not finite"));
  }
  const duration = secondsOf(nSamples), label = `${title} of ${subject}, ${inSeconds(duration)}`;
  const audio = element("audio",
    {controls: "", preload: "none", src: address(path), "aria-label": label});
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
  });
  const mel = track(picture, Math.floor(nSamples / data.hop_length),
    `Mel spectrogram, ${label}, low frequencies at the bottom`, seconds, "mel");
  follow(audio, mel, duration, seconds);
  return element("div", {},
    element("h5", {}, title, element("small", {}, inSeconds(duration))), audio, mel);
}

function timeAxis(seconds) {
  const axis = element("div", {class: "axis", "aria-hidden": "true"});
  for (const second of ticks(0, seconds, 4)) {
    const side = second > seconds * 0.85 ? "before" : "after"; // where the label has room
    axis.append(element("span", {class: side, style: `left: ${100 * second / seconds}%`},
      `${second} s`));
  }
  return axis;
}

const scoreName = name => spaced(name.replace("share_of_", ""));
const percent = share => `${+(100 * share).toPrecision(share >= 0.1 ? 2 : 1)} %`;
const shownScore = (name, value) => name.startsWith("share_") ? percent(value) : readable(value);

function scoreAttributes(name, value) {
  const [low, high] = USUAL[name] ?? [-Infinity, Infinity];
  return value < low || value > high
    ? {class: "unusual", title: `usual: ${shownScore(name, low)} to ${shownScore(name, high)}`} : {};
}

function numbers(sample) {
  return element("dl", {class: "numbers"}, ...Object.entries(sample.scores).map(([name, value]) => {
    const more = name === "longest_symbol_frames"
      ? ` = ${inSeconds(secondsOfFrames(value))}: ${sample.longest_symbol}` : "";
    return element("div", {}, element("dt", {}, scoreName(name)),
      element("dd", scoreAttributes(name, value), shownScore(name, value) + more));
  }));
}

function recordingColumn(sentence, nSamples, seconds) {
  const path = `recordings/${sentence.recording}`;
  return element("section", {class: "column"}, element("h4", {}, "recording"),
    sound("Recording", sentence.id, nSamples, `${path}.wav`, `${path}.png`, seconds),
    element("div", {}, timeAxis(seconds), element("p", {class: "hint"}, `${sentence.frames} frames`
      + (sentence.symbols === null ? "" : `, ${sentence.symbols} symbols with blanks`))));
}

// What the colours of a difference say: the scale's top is DIFFERENCE_RANGE in hifigan/samples.py.
function differenceScale() {
  return [element("small", {}, "alike ", element("span", {class: "scale"}), " 2 nats")];
}

function stepColumn(step, sentence, sample, seconds) {
  const subject = `${sentence.id}, step ${step}`;
  const sounds = sample.sounds.map(source => sound(titled(source), subject,
    sample.n_samples[source], `${sample.folder}/${source}.wav`,
    `${sample.folder}/${source}_mel.png`, seconds));
  const pictures = sample.pictures.map(name => element("div", {},
    element("h5", {}, titled(name), ...(name === "difference" ? differenceScale() : [])),
    track(`${sample.folder}/${name}.png`, sentence.frames,
      `${titled(name)} of ${subject}: ${DRAWN[name]}`, seconds, name), timeAxis(seconds)));
  sample.pictures.forEach((name, i) => { // hear what differs: the copy plays from there
    if (name === "difference") {
      const copy = sounds[sample.sounds.indexOf("reconstruction")];
      follow(copy.querySelector("audio"), pictures[i].querySelector(".track"),
        secondsOf(sample.n_samples.reconstruction), seconds);
    }
  });
  return element("section", {class: "column", "aria-label": subject},
    element("h4", {}, `step ${step}`, element("small", {}, step === newest ? "newest" : "")),
    ...sounds, ...pictures, numbers(sample));
}

// One sentence; `shown` are pairs of a step and its sample of the sentence.
function card(sentence, shown) {
  const lengths = shown.flatMap(([, sample]) => Object.values(sample.n_samples));
  const seconds = Math.max(...lengths.map(secondsOf), secondsOfFrames(sentence.frames));
  const title = element("h3", {}, element("span", {}, sentence.id));
  if (sentence.speaker !== null) title.append(element("span", {}, `speaker ${sentence.speaker}`));
  const text = sentence.text === null ? []
    : [element("p", {class: "text", dir: "auto"}, sentence.text)];
  const columns = [recordingColumn(sentence, shown[0][1].n_samples.target, seconds),
    ...shown.map(([step, sample]) => stepColumn(step, sentence, sample, seconds))];
  const nRows = Math.max(...columns.map(column => column.children.length));
  return element("article", {class: "card", "aria-label": sentence.id}, title, ...text,
    element("div", {class: "wide columns", style: `--rows: ${nRows}`}, ...columns));
}

// The chosen steps in numbers: validation losses, and scores as means over the samples.
function comparison(steps) {
  const losses = [...new Set(steps.flatMap(({losses}) => Object.keys(losses)))];
  const scores = [...new Set(steps.flatMap(({samples}) =>
    samples.flatMap(sample => Object.keys(sample.scores))))];
  const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;
  const rows = steps.map(checkpoint => element("tr", {},
    element("th", {scope: "row"}, String(checkpoint.step)),
    ...losses.map(name => element("td", {}, readable(checkpoint.losses[name] ?? "none"))),
    ...scores.map(name => {
      const values = checkpoint.samples.map(sample => sample.scores[name] ?? []).flat();
      return values.length ? element("td", scoreAttributes(name, mean(values)),
        shownScore(name, +mean(values).toPrecision(4))) : element("td", {}, "none");
    })));
  const heads = names => names.map(name => element("th", {scope: "col"}, name));
  return [element("thead", {}, element("tr", {},
    ...heads(["step", ...losses.map(name => `${spaced(name)} loss`), ...scores.map(scoreName)]))),
  element("tbody", {}, ...rows)];
}

function show(steps) {
  chosen = [...steps].sort((a, b) => b - a);
  document.getElementById("chosen").replaceChildren(...chosen.map(step => {
    const button = element("button", {type: "button", title: "remove"}, `step ${step} ×`);
    button.addEventListener("click", () => show(chosen.filter(other => other !== step)));
    return button;
  }));
  document.getElementById("add").value = "";
  const checkpoints = data.steps.filter(({step}) => chosen.includes(step));
  document.getElementById("comparison").replaceChildren(...comparison(checkpoints));
  const only = document.getElementById("sentence").value;
  document.getElementById("cards").replaceChildren(...data.sentences.flatMap((sentence, i) => {
    const shown = checkpoints.flatMap(({step, samples}) =>
      samples.filter(sample => sample.sentence === i).map(sample => [step, sample]));
    return shown.length && (!only || only === String(i)) ? [card(sentence, shown)] : [];
  }));
}

function showChoices() {
  const steps = data.steps.map(({step}) => step);
  const onClick = (name, action) => document.getElementById(name).addEventListener("click", action);
  const first = () => show(steps.slice(0, N_AT_ONCE));
  onClick("newest", first);
  onClick("spread", () => show(new Set([0, 1, 2, 3].map(i =>
    steps[Math.round(i / 3 * (steps.length - 1))]))));
  document.getElementById("add").append(element("option", {value: ""}, "…"),
    ...data.steps.map(({step, losses}) => element("option", {value: step},
      "mel" in losses ? `${step}: mel ${readable(losses.mel)}` : String(step))));
  document.getElementById("add").addEventListener("change", event =>
    show(new Set([...chosen, Number(event.target.value)])));
  document.getElementById("sentence").append(element("option", {value: ""}, "all"),
    ...data.sentences.map(({id, text}, i) => element("option", {value: i},
      text === null ? id : `${id}: ${text.length > 40 ? text.slice(0, 40) + "…" : text}`)));
  document.getElementById("sentence").addEventListener("change", () => show(chosen));
  document.getElementById("thinned").textContent = data.steps.length < data.n_steps_in_run
    ? `${data.steps.length} of the run's ${data.n_steps_in_run} steps with samples are on this page, to `
      + "bound its size." : "";
  document.getElementById("cards").addEventListener("error", ({target}) => target.replaceWith(
    element("p", {class: "absent"}, `not found: ${target.getAttribute("src")}`)), true);
  first();
}

showChoices();
