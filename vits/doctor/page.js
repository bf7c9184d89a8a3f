"use strict";
// Players, filter and copying. Everything that can be read stands in the page without this.

const cards = [...document.querySelectorAll(".finding")].map(node => ({
  node,
  head: plain(["h3", ".why", ".fix .what"].map(part => node.querySelector(part).textContent)
    .concat(node.dataset.kind).join(" ")),
  cases: [...node.querySelectorAll(".cases li")].map(item => [item, plain(item.textContent)]),
  more: node.querySelector(".more"),
}));

// Letters that look alike compare alike, however their marks are coded and whatever their case.
function plain(text) {
  return text.normalize("NFKC").toLowerCase();
}

// A finding that fits shows all its cases; else it shows those that fit, if there are any.
function filter() {
  const wanted = plain(document.getElementById("filter").value.trim());
  const severities = new Set(
    [...document.querySelectorAll(".choice input")].filter(box => box.checked).map(box => box.name));
  let shown = 0;
  for (const {node, head, cases, more} of cards) {
    const all = head.includes(wanted);
    let found = 0;
    for (const [item, text] of cases) {
      item.hidden = !all && !text.includes(wanted);
      found += !item.hidden;
    }
    node.hidden = !severities.has(node.dataset.severity) || !(all || found);
    if (more) {
      more.hidden = ![...more.querySelectorAll("li")].some(item => !item.hidden);
      if (wanted && !all) more.open = true;
    }
    shown += !node.hidden;
  }
  document.getElementById("none").hidden = shown > 0 || cards.length === 0;
  document.getElementById("shown").textContent =
    shown < cards.length ? `${shown} of ${cards.length} shown` : "";
}

// A clip comes out of the page when its player is near, so that the page opens quickly. It becomes a
// WAV on the way: browsers play FLAC, but not all of them find a place in the middle of a short one.
const loading = new Map(); // by player

function load(audio) {
  if (!loading.has(audio)) loading.set(audio, unpack(audio));
  return loading.get(audio);
}

async function unpack(audio) {
  const text = document.getElementById(`clip-${audio.dataset.clip}`).textContent;
  const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
  const context = new OfflineAudioContext(1, 1, Number(audio.dataset.rate));
  const decoded = await context.decodeAudioData(bytes.buffer);
  const ready = new Promise(done => audio.addEventListener("loadedmetadata", done, {once: true}));
  audio.src = URL.createObjectURL(wav(decoded.getChannelData(0), decoded.sampleRate));
  await ready;
}

// A WAV file of 16 bits. samples: from -1 to 1; rate: Hz.
function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const tag = (at, name) => [...name].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  tag(0, "RIFF"); view.setUint32(4, view.byteLength - 8, true);
  tag(8, "WAVEfmt "); view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); view.setUint16(22, 1, true); // PCM, one channel
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true); // bytes and bits of a sample
  tag(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, i) => {
    const level = Math.max(-32768, Math.min(32767, Math.round(32768 * sample)));
    view.setInt16(44 + 2 * i, level, true);
  });
  return new Blob([view.buffer], {type: "audio/wav"});
}

function connect(player) {
  const audio = player.querySelector("audio"), picture = player.querySelector(".picture");
  const head = player.querySelector(".head");
  const show = () => {
    if (!audio.duration) return;
    head.hidden = false;
    head.style.left = `${100 * audio.currentTime / audio.duration}%`;
    if (!audio.paused) requestAnimationFrame(show);
  };
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
  });
  for (const event of ["playing", "seeked"]) audio.addEventListener(event, show);
  picture.addEventListener("click", async event => {
    await load(audio);
    const box = picture.getBoundingClientRect();
    audio.currentTime = Math.max(0, (event.clientX - box.left) / box.width) * audio.duration;
    await audio.play();
  });
  return audio;
}

// Where the page may not use the clipboard, the text is selected and copied as by hand.
async function copy(button) {
  const what = button.parentNode.querySelector(".what");
  try {
    await navigator.clipboard.writeText(what.textContent);
  } catch {
    getSelection().selectAllChildren(what);
    if (!document.execCommand("copy")) return;
    getSelection().removeAllRanges();
  }
  button.textContent = "copied";
  setTimeout(() => { button.textContent = "copy"; }, 1500);
}

document.getElementById("filter").addEventListener("input", filter);
for (const box of document.querySelectorAll(".choice input")) box.addEventListener("change", filter);
for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", () => copy(button));
}
const near = new IntersectionObserver(entries => {
  for (const {isIntersecting, target} of entries) if (isIntersecting) load(target);
}, {rootMargin: "300px"});
for (const player of document.querySelectorAll(".player")) near.observe(connect(player));
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
filter(); // a browser may keep what was typed before the page was loaded again
