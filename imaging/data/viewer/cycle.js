// What changes over the gait cycle: activation and share of force.

const CYCLE_MS = 4000; // how long playing one gait cycle takes
// The scale of colours of each, and its words for a picture.
const CYCLES = {
  activation: { ...data.activation, scale: "activation", words: "EMG painted on anatomy",
    short: "Activation", title: "Activation: EMG painted on anatomy" },
  force: { ...data.force, scale: "measure", short: "Share of force, modelled",
    words: "Share of force, modelled from EMG, painted on anatomy",
    lines: "Force of each fascicle, modelled from the EMG of its muscle",
    title: "Share of force over the cycle, modelled" },
};
for (const name of Object.keys(CYCLES)) if (!data[name]) delete CYCLES[name];

function cycleScale({ largest, unit }) {
  return { low: 0, high: largest, unit };
}

// Whether a part of the picture follows the gait cycle.
function moves() {
  return state.surface in CYCLES || state.measure in CYCLES;
}

function cycleColour(part, { shares, scale }) {
  const own = shares[part.label];
  return own ? shade(scale, own[frame()]) : data.grey;
}

// Index of the sample of the gait cycle nearest to the slider.
function frame() {
  const { percent } = data.activation;
  let best = 0;
  percent.forEach((p, k) => {
    if (Math.abs(p - state.time) < Math.abs(percent[best] - state.time)) best = k;
  });
  return best;
}

// Force of each fascicle of a muscle now, in newton.
function forces(part) {
  const now = CYCLES.force.of_peak[part.label]?.[frame()];
  return part.values.force_at_peak_N.map((value) => (now === undefined ? NaN : now * value));
}

// Activation and share of force of a muscle at the time of the slider.
function cycleRows(part) {
  return Object.values(CYCLES).map(({ short, shares, largest, unit }) => {
    const own = shares[part.label];
    const at = `at ${Math.round(state.time)} %`;
    return [`${short} ${at}`, own ? figure(own[frame()] * largest, unit) : "not measured"];
  });
}

function showTime() {
  $("time").value = state.time;
  $("time-text").textContent = `${Math.round(state.time)} % of the gait cycle`;
  if (state.selected) showCard();
  if (!moves() || state.painted === frame()) return;
  state.painted = frame();
  paintSurfaces();
  if (state.measure in CYCLES) paintFascicles();
  paintLabels();
  updateList();
  scene.drawScene();
}

// Paced by the browser's frames, so that a slow machine skips samples instead of falling behind.
function play() {
  state.playing = !state.playing;
  $("play").textContent = state.playing ? "❚❚" : "▶";
  $("play").ariaLabel = state.playing ? "Pause" : "Play the gait cycle";
  if (!state.playing) return remember();
  if (!moves()) choose("surface", "activation");
  let before = null;
  const go = (now) => {
    if (!state.playing) return;
    state.time = (state.time + (100 * (now - (before ?? now))) / CYCLE_MS) % 100;
    before = now;
    showTime();
    requestAnimationFrame(go);
  };
  requestAnimationFrame(go);
}

function moveTime(percent) {
  state.time = percent;
  if (!moves()) choose("surface", "activation");
  showTime();
  remember();
}
