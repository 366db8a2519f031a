// The viewer of one muscle map. World coordinates are RAS+ mm. A byte 0 means not measured,
// 1..255 runs from a measure's low to its high value.

const { Niivue, NVImage, NVMesh } = globalThis.niivue;
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const state = { surface: "muscle", measure: "muscle", overlay: "", column: "", time: 0 };
const hidden = new Set();
const BACKS = { light: [0.95, 0.96, 0.97, 1], dark: [0.08, 0.09, 0.11, 1] };
const SHEET_OPACITY = 0.6;
const THROUGH = 0.15; // opacity of surfaces that let the fascicles show
const CYCLE_MS = 4000; // how long playing one gait cycle takes
// What changes over the gait cycle: its scale of colours, and its words for a picture.
const CYCLES = {
  activation: { ...data.activation, scale: "activation", words: "EMG painted on anatomy",
    title: "Activation: EMG painted on anatomy" },
  force: { ...data.force, scale: "measure",
    words: "Share of force, modelled from EMG, painted on anatomy",
    lines: "Force of each fascicle, modelled from the EMG of its muscle",
    title: "Share of force over the cycle, modelled" },
};
for (const name of Object.keys(CYCLES)) if (!data[name]) delete CYCLES[name];
const MARKS = { extrapolated: " e", modelled: " m", assumed: " a" };

const scene = new Niivue({
  backColor: BACKS.light, isOrientCube: true, sliceType: 4, dragAndDropEnabled: false,
  showLegend: false, logLevel: "error", loadingText: "",
});
const slices = new Niivue({
  backColor: [0.05, 0.06, 0.07, 1], isRadiologicalConvention: true, multiplanarShowRender: 0,
  dragAndDropEnabled: false, showLegend: false, logLevel: "error", loadingText: "",
  crosshairColor: [1, 1, 0.3, 0.7], crosshairWidth: 0.5, crosshairWidthUnit: "mm", crosshairGap: 4,
  fontColor: [1, 0.85, 0.4, 1], fontMinPx: 18, showAllOrientationMarkers: true, tileMargin: 4,
});

function bytes(base64) {
  const text = atob(base64);
  const out = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) out[k] = text.charCodeAt(k);
  return out;
}

function points(base64) {
  const steps = new Uint16Array(bytes(base64).buffer);
  const out = new Float32Array(steps.length);
  for (let k = 0; k < steps.length; k++) out[k] = data.corner[k % 3] + steps[k] * data.step;
  return out;
}

function triangles(base64) {
  return new Uint32Array(bytes(base64).buffer);
}

// NiiVue hides the back of a surface; an open sheet is seen from both sides.
function twoSided(sheet) {
  const front = points(sheet.points);
  const faces = triangles(sheet.faces);
  const places = new Float32Array(2 * front.length);
  places.set(front);
  places.set(front, front.length);
  const both = new Uint32Array(2 * faces.length);
  both.set(faces);
  for (let k = 0; k < faces.length; k++) {
    both[2 * faces.length - 1 - k] = faces[k] + front.length / 3;
  }
  return [places, both];
}

function number(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2);
  return String(Number(value.toPrecision(3)));
}

function shade(scale, share) {
  return data.scales[scale][Math.round(255 * Math.min(1, Math.max(0, share)))];
}

function fill(select, options, value) {
  select.replaceChildren(...options.map(([id, text]) => new Option(text, id)));
  select.value = value;
}

function withUnit(item) {
  return item.unit ? `${item.title} (${item.unit})` : item.title;
}

// Colour bar with its ends and the unit; none without a measure.
function drawScale(id, scale, item) {
  const box = $(id);
  box.replaceChildren();
  if (!item) return;
  const bar = document.createElement("canvas");
  bar.width = 256;
  bar.height = 1;
  const paint = bar.getContext("2d");
  data.scales[scale].forEach(([r, g, b], k) => {
    paint.fillStyle = `rgb(${r},${g},${b})`;
    paint.fillRect(k, 0, 1, 1);
  });
  box.append(bar);
  for (const [name, text] of [["low", number(item.low)], ["middle", item.unit || "no unit"],
    ["high", number(item.high)]]) {
    const span = document.createElement("span");
    span.className = name;
    span.textContent = text;
    box.append(span);
  }
}

function column(id) {
  return data.columns.find((c) => c.id === id);
}

function cycleScale({ largest, unit }) {
  return { low: 0, high: largest, unit };
}

// Whether a part of the picture follows the gait cycle.
function moves() {
  return state.surface in CYCLES || state.measure in CYCLES;
}

// Colour of a structure under the chosen mode; grey where it was not measured.
function colourOf(part) {
  if (state.surface === "muscle" || !part.muscle) return part.colour;
  if (state.surface in CYCLES) return cycleColour(part, CYCLES[state.surface]);
  const item = column(state.surface);
  const cell = part.row[state.surface];
  if (!cell) return data.grey;
  return shade("measure", (cell[0] - item.low) / (item.high - item.low || 1));
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

// NiiVue draws after every part it is given; drawing once, when all are there, is much faster.
async function withoutDrawing(viewer, build) {
  viewer.drawScene = () => {};
  try {
    await build();
  } finally {
    delete viewer.drawScene;
  }
}

function buildScene() {
  const gl = scene.gl;
  for (const part of data.structures) {
    if (part.lines) {
      const offsets = new Uint32Array(bytes(part.lines.offsets).buffer);
      const count = offsets[offsets.length - 1];
      const dpv = [{ id: "measure", vals: new Float32Array(count) }];
      part.tract = new NVMesh(points(part.lines.points), offsets, `fascicles ${part.name}`,
        new Uint8Array([255, 255, 255, 0]), 1, true, gl, "pennate", null, null, dpv, null);
      Object.assign(part.tract, { fiberDither: 0, fiberRadius: 0.55, fiberSides: 6 });
      part.tract.meshShaderIndex = scene.meshShaderNameToNumber("Diffuse");
      part.offsets = offsets;
      part.values = {};
      for (const [name, packed] of Object.entries(part.lines.values)) {
        part.values[name] = bytes(packed);
      }
      scene.addMesh(part.tract);
    }
  }
  const mesh = (places, faces, name, colour) => {
    const built = new NVMesh(places, faces, name, new Uint8Array([...colour, 255]), 1, true, gl);
    built.meshShaderIndex = scene.meshShaderNameToNumber("Diffuse");
    return built;
  };
  // What is drawn later does not show through what was drawn before: from the inside out.
  for (const part of data.structures) {
    if (part.sheet) {
      part.sheetMesh = mesh(...twoSided(part.sheet), `aponeurosis ${part.name}`, data.sheet);
      part.sheetMesh.opacity = SHEET_OPACITY;
      scene.addMesh(part.sheetMesh);
    }
  }
  for (const part of data.structures) {
    if (part.faces && !["fat", "skin"].includes(part.tissue)) {
      part.mesh = mesh(points(part.points), triangles(part.faces), part.name, part.colour);
      part.centre = [0, 1, 2].map(
        (axis) => (part.mesh.extentsMin[axis] + part.mesh.extentsMax[axis]) / 2);
      scene.addMesh(part.mesh);
    }
  }
}

// What lies inside a muscle would stick out of an opaque surface as dots.
function inView(part) {
  return (Number($("surface-opacity").value) < 1 || !part.mesh) && !hidden.has(part.label);
}

function paintSheets() {
  for (const part of data.structures) {
    if (part.sheetMesh) part.sheetMesh.visible = $("sheets").checked && inView(part);
  }
}

function paintFascicles() {
  paintSheets();
  for (const part of data.structures) {
    const tract = part.tract;
    if (!tract) continue;
    tract.visible = state.measure !== "none" && inView(part);
    if (!tract.visible) continue;
    if (state.measure === "direction") {
      tract.fiberColor = "Global";
    } else if (state.measure === "muscle") {
      tract.fiberColor = "Fixed";
      tract.rgba255 = new Uint8Array([...part.colour.map((c) => Math.round(0.95 * c)), 0]);
    } else if (state.measure === "activation") {
      tract.fiberColor = "Fixed";
      tract.rgba255 = new Uint8Array([...cycleColour(part, CYCLES.activation), 0]);
    } else {
      const values = state.measure === "force" ? forces(part) : part.values[state.measure];
      const vals = tract.dpv[0].vals;
      for (let f = 0; f < values.length; f++) {
        vals.fill(values[f], part.offsets[f], part.offsets[f + 1]);
      }
      Object.assign(tract.dpv[0], { cal_min: 0, cal_max: 255 });
      tract.fiberColor = "DPV0";
    }
    tract.updateMesh(scene.gl);
  }
  if (state.measure === "activation") {
    drawScale("scale-measure", "activation", cycleScale(CYCLES.activation));
  } else if (state.measure === "force") {
    drawScale("scale-measure", "measure", { ...fascicleMeasure("force_at_peak_N"), low: 0 });
  } else drawScale("scale-measure", "measure", fascicleMeasure(state.measure));
}

function fascicleMeasure(id) {
  return data.fascicles?.measures.find((m) => m.id === id);
}

// Force of each fascicle of a muscle now, as bytes from 0 N to the high value of the scale.
function forces(part) {
  const { low, high } = fascicleMeasure("force_at_peak_N");
  const now = CYCLES.force.of_peak[part.label]?.[frame()];
  return part.values.force_at_peak_N.map((byte) => {
    if (byte === 0 || now === undefined) return 0;
    return Math.round(1 + 254 * now * (low + ((byte - 1) / 254) * (high - low)) / high);
  });
}

function paintSurfaces() {
  const opacity = Number($("surface-opacity").value);
  for (const part of data.structures) {
    if (!part.mesh) continue;
    part.mesh.visible = opacity > 0 && !hidden.has(part.label);
    part.mesh.opacity = part.muscle ? opacity : Math.min(1, opacity + 0.2);
    part.mesh.rgba255 = new Uint8Array([...colourOf(part), 255]);
    part.mesh.updateMesh(scene.gl);
  }
  const cycle = CYCLES[state.surface];
  if (cycle) drawScale("scale-surface", cycle.scale, cycleScale(cycle));
  else drawScale("scale-surface", "measure", column(state.surface));
}

// Structure of a voxel: labels that do not fit into a byte stand for themselves by another one.
function partOf(value) {
  return data.structures.find((s) => (s.voxel ?? s.label) === value);
}

function labelTable() {
  const table = { R: [], G: [], B: [], A: [], I: [], labels: [] };
  for (let value = 0; value < 256; value++) {
    const part = partOf(value);
    const [r, g, b] = part ? colourOf(part) : [0, 0, 0];
    const shown = part && !hidden.has(part.label) && !["fat", "skin"].includes(part.tissue);
    table.R.push(r);
    table.G.push(g);
    table.B.push(b);
    table.A.push(shown ? 255 : 0);
    table.I.push(value);
    table.labels.push("");
  }
  return table;
}

function paintLabels() {
  slices.volumes[1].setColormapLabel(labelTable());
  slices.volumes[1].opacity = Number($("label-opacity").value);
  slices.updateGLVolume();
}

async function loadVolumes() {
  const load = (base64, name, options) =>
    NVImage.loadFromBase64({ base64, name: `${name}.nii.gz`, colorbarVisible: false, ...options });
  slices.addVolume(await load(data.volumes.anatomy, "anatomy", { colormap: "gray" }));
  slices.addVolume(await load(data.volumes.labels, "labels", { opacity: 0.45 }));
  slices.load = load;
}

async function showOverlay() {
  while (slices.volumes.length > 2) slices.removeVolumeByIndex(2);
  const item = data.overlays.find((o) => o.id === state.overlay);
  drawScale("scale-overlay", "measure", item);
  $("row-overlay").hidden = !item;
  if (item) {
    slices.addVolume(await slices.load(item.nifti, item.id, {
      colormap: "pennate", opacity: Number($("overlay-opacity").value), cal_min: 0, cal_max: 255,
    }));
  }
  captions();
  slices.createOnLocationChange();
}

// NiiVue colour tables: the overlay's entry 0 is clear, the fascicles' entry 0 is grey; one table
// serves both, since fascicles ignore its opacity.
function addColours() {
  const scale = data.scales.measure.map((c) => [...c]);
  scale[0] = data.grey;
  const part = (k) => scale.map((c) => c[k]);
  const I = scale.map((_, k) => k);
  const A = scale.map((_, k) => (k ? 255 : 0));
  for (const viewer of [scene, slices]) {
    viewer.addColormap("pennate", { R: part(0), G: part(1), B: part(2), A, I });
  }
}

function listMuscles() {
  const rows = data.structures.filter((s) => s.muscle || s.tissue === "bone").map((part) => {
    const row = document.createElement("tr");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = !hidden.has(part.label);
    box.ariaLabel = `Show ${part.name}`;
    box.onchange = () => {
      if (box.checked) hidden.delete(part.label);
      else hidden.add(part.label);
      repaint();
    };
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.backgroundColor = `rgb(${colourOf(part).join(",")})`;
    const unmeasured = data.activation && part.muscle && !part.emg;
    swatch.classList.toggle("hatched", Boolean(unmeasured));
    swatch.title = unmeasured ? "surface EMG not measured" : "";
    const name = document.createElement("button");
    name.type = "button";
    name.className = "name";
    name.textContent = part.name;
    name.title = "Go there";
    name.onclick = () => goTo(part);
    const cell = part.row[state.column];
    const text = cell ? number(cell[0]) + (MARKS[cell[2]] ?? "") : "–";
    for (const content of [box, swatch, name, text]) {
      const td = document.createElement("td");
      td.append(content);
      if (content === text && cell) td.title = describe(cell);
      row.append(td);
    }
    return row;
  });
  $("muscles").replaceChildren(...rows);
}

function describe([value, spread, status]) {
  return `${number(value)}${spread === null ? "" : ` ± ${number(spread)}`} ${status}`;
}

function goTo(part) {
  if (!part.centre) return;
  slices.scene.crosshairPos = slices.mm2frac(part.centre);
  slices.createOnLocationChange();
  slices.drawScene();
}

function onPlace(place) {
  const [, label, overlay] = place.values;
  const part = partOf(Math.round(label?.value ?? 0));
  const rows = [
    ["Position R, A, S", `${[...place.mm].slice(0, 3).map((v) => v.toFixed(1).replace(/^-0\.0$/, "0.0")).join(", ")} mm`],
    ["Structure", part ? part.name : "none"],
  ];
  const item = data.overlays.find((o) => o.id === state.overlay);
  if (item && overlay) {
    const byte = overlay.value;
    const value = item.low + ((byte - 1) / 254) * (item.high - item.low);
    const sign = byte === 255 ? "≥ " : byte === 1 ? "≤ " : "";
    rows.push([item.title, byte >= 1 ? `${sign}${number(value)} ${item.unit}` : "not measured"]);
  }
  $("place").replaceChildren(...rows.map((texts) => {
    const row = document.createElement("tr");
    for (const text of texts) row.insertCell().textContent = text;
    return row;
  }));
}

function captions() {
  const painted = CYCLES[state.surface]?.words ?? "";
  const moving = CYCLES[state.measure];
  const lines = moving?.lines ?? moving?.words;
  $("caption-scene").textContent = painted || lines || "";
  const told = CYCLES[state.surface] ?? CYCLES[state.measure] ?? CYCLES.activation;
  $("cycle-note").textContent = told ? `${told.note}.` : "";
  const item = data.overlays.find((o) => o.id === state.overlay);
  $("caption-slices").textContent = [item ? withUnit(item) : "", painted].filter(Boolean).join(" · ");
}

function repaint() {
  paintSurfaces();
  paintFascicles();
  paintLabels();
  listMuscles();
  captions();
  scene.drawScene();
}

function showTime() {
  $("time").value = state.time;
  $("time-text").textContent = `${Math.round(state.time)} % of the gait cycle`;
  if (!moves() || state.painted === frame()) return;
  state.painted = frame();
  paintSurfaces();
  if (state.measure in CYCLES) paintFascicles();
  paintLabels();
  listMuscles();
  scene.drawScene();
}

// Paced by the browser's frames, so that a slow machine skips samples instead of falling behind.
function play() {
  state.playing = !state.playing;
  $("play").textContent = state.playing ? "❚❚" : "▶";
  $("play").ariaLabel = state.playing ? "Pause" : "Play the gait cycle";
  if (!state.playing) return;
  if (!moves()) choose("surface", "activation");
  let before = null;
  const step = (now) => {
    if (!state.playing) return;
    state.time = (state.time + (100 * (now - (before ?? now))) / CYCLE_MS) % 100;
    before = now;
    showTime();
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

// Make the whole leg fit into the picture, whatever its shape.
function fit() {
  const { width, height } = $("scene").getBoundingClientRect();
  if (width && height) scene.setScale(Math.min(1.2, 0.82 * Math.max(1, height / width)));
}

function background(name) {
  scene.opts.backColor = BACKS[name];
  $("pane-scene").dataset.back = name;
  $("background").textContent = name === "light" ? "dark" : "light";
  scene.drawScene();
}

function choose(name, value) {
  state[name] = value;
  $(name).value = value;
  // Values need full colour; muscles in their own colours may let the fascicles show.
  if (name === "surface") $("surface-opacity").value = value === "muscle" ? THROUGH : 1;
  if (name === "overlay") return showOverlay();
  return repaint();
}

function list(id, section, texts) {
  $(section).hidden = texts.length === 0;
  $(id).replaceChildren(...texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
}

function addControls() {
  const columns = data.columns.map((c) => [c.id, withUnit(c)]);
  const cycles = Object.entries(CYCLES).map(([id, { title }]) => [id, title]);
  fill($("surface"), [["muscle", "Muscle"], ...cycles, ...columns], state.surface);
  fill($("column"), columns, (state.column = columns[0]?.[0] ?? ""));
  fill($("overlay"), [["", "None"], ...data.overlays.map((o) => [o.id, withUnit(o)])], "");
  $("section-fascicles").hidden = !data.fascicles;
  if (data.fascicles) {
    const { measures, shown, all } = data.fascicles;
    const options = measures.map((m) => [m.id, withUnit(m)]);
    state.measure = measures.some((m) => m.id === "length_mm") ? "length_mm" : "muscle";
    const moving = [];
    if (data.activation) moving.push(["activation", CYCLES.activation.title]);
    if (data.force && fascicleMeasure("force_at_peak_N")) {
      moving.push(["force", "Force over the cycle (N), modelled"]);
    }
    fill($("measure"), [...moving, ...options, ["direction", "Direction (red L-R, green A-P, blue S-I)"],
      ["muscle", "Muscle"], ["none", "Not shown"]], state.measure);
    $("fascicle-count").textContent = `${shown} of ${all} fascicles are shown, none under opaque surfaces; grey: not measured.`;
  }
  const sheets = data.structures.filter((s) => s.sheet);
  const origin = (s) => (s.sheet.found ? "found from the data" : "given");
  list("sheet-list", "section-sheets", sheets.map((s) => `${s.name}: ${origin(s)}`));
  $("sheet-colour").style.backgroundColor = `rgb(${data.sheet.join(",")})`;
  $("sheets").onchange = () => { paintSheets(); scene.drawScene(); };
  for (const name of ["surface", "measure", "overlay", "column"]) {
    $(name).onchange = () => choose(name, $(name).value);
  }
  $("surface-opacity").oninput = () => { paintSurfaces(); paintFascicles(); scene.drawScene(); };
  $("label-opacity").oninput = paintLabels;
  $("overlay-opacity").oninput = () => {
    if (slices.volumes.length > 2) slices.setOpacity(2, Number($("overlay-opacity").value));
  };
  $("radiological").onchange = () => slices.setRadiologicalConvention($("radiological").checked);
  $("all").onclick = () => { hidden.clear(); repaint(); };
  $("none").onclick = () => { data.structures.forEach((s) => hidden.add(s.label)); repaint(); };
  $("cycle").hidden = !data.activation;
  $("time").oninput = () => {
    state.time = Number($("time").value);
    if (!moves()) choose("surface", "activation");
    showTime();
  };
  $("play").onclick = play;
  for (const [text, azimuth, elevation] of [["front", 180, 0], ["back", 0, 0], ["right", 270, 0],
    ["left", 90, 0], ["top", 0, 90]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.onclick = () => scene.setRenderAzimuthElevation(azimuth, elevation);
    $("views").append(button);
  }
  $("background").onclick = () => background($("background").textContent);
  list("warnings", "section-warnings", data.warnings);
  list("missing", "section-missing", data.missing);
}

// A link can open the page in a state:
// #surface=activation&time=20&measure=length_mm&overlay=fa&view=front&background=dark&only=201,209
async function followLink() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  if (wanted.has("time") && data.activation) {
    state.time = Number(wanted.get("time"));
    showTime();
  }
  if (wanted.has("only")) {
    const labels = wanted.get("only").split(",").map(Number);
    data.structures.forEach((s) => labels.includes(s.label) || hidden.add(s.label));
    repaint();
  }
  for (const name of ["surface", "measure", "overlay", "column"]) {
    const value = wanted.get(name);
    if (value && [...$(name).options].some((o) => o.value === value)) await choose(name, value);
  }
  if (BACKS[wanted.get("background")]) background(wanted.get("background"));
  [...$("views").children].find((b) => b.textContent === wanted.get("view"))?.click();
}

function problem(error) {
  document.body.dataset.state = "failed";
  $("problem").hidden = false;
  $("problem").textContent = `The pictures cannot be shown: ${error?.message ?? error}. ` +
    "A browser with WebGL 2 is needed; the tables on this page stay valid.";
}

async function start() {
  addControls();
  listMuscles();
  if (!document.createElement("canvas").getContext("webgl2")) throw new Error("no WebGL 2");
  await scene.attachToCanvas($("scene"));
  await slices.attachToCanvas($("slices"));
  addColours();
  slices.onLocationChange = onPlace;
  await withoutDrawing(slices, loadVolumes);
  await withoutDrawing(scene, () => {
    buildScene();
    scene.setRenderAzimuthElevation(215, 8);
    paintSurfaces();
    paintFascicles();
  });
  await withoutDrawing(slices, async () => {
    paintLabels();
    await showOverlay();
  });
  listMuscles();
  background("light");
  new ResizeObserver(fit).observe($("scene"));
  slices.drawScene();
  await followLink();
  document.body.dataset.state = "ready";
}

start().catch(problem);
