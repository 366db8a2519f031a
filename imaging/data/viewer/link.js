// The address of the page holds what is shown, so that a link restores it:
// #surface=activation&time=20&measure=length_mm&overlay=fa&layout=axial&plane=none&background=dark
// &camera=215,8,1.2&place=10.0,-20.5,3.0&select=209.17&only=201,209&opacity=0.5&own=201:1
// A view by its name, view=front, is understood as well.

const MENUS = ["surface", "measure", "overlay", "column", "plane"];
let following = true; // while the page opens, and while a link is followed, nothing is written

const remember = joined(() => {
  if (following) return;
  const address = currentLink();
  if (address !== location.hash.slice(1)) history.replaceState(null, "", `#${address}`);
});

function currentLink() {
  const out = {};
  for (const name of [...MENUS, "layout", "background"]) {
    if (state[name] !== OPENING[name]) out[name] = state[name];
  }
  if (state.time) out.time = Math.round(state.time);
  const { renderAzimuth, renderElevation, volScaleMultiplier } = scene.scene;
  out.camera = [renderAzimuth, renderElevation, volScaleMultiplier.toFixed(3)].join(",");
  out.place = place().map((v) => v.toFixed(1)).join(",");
  if (state.selected !== null) {
    out.select = state.selected + (state.fascicle === null ? "" : `.${state.fascicle}`);
  }
  const shown = data.structures.filter((s) => isListed(s) && !hidden.has(s.label));
  if (hidden.size) out.only = shown.map((s) => s.label).join(",");
  const usual = state.surface === "muscle" ? THROUGH : 1;
  if (Number($("surface-opacity").value) !== usual) out.opacity = $("surface-opacity").value;
  if (opacities.size) out.own = [...opacities].map(([label, v]) => `${label}:${v}`).join(",");
  if (!$("radiological").checked) out.radiological = 0;
  if (!$("sheets").checked) out.sheets = 0;
  if ($("label-opacity").value !== "0.45") out.labels = $("label-opacity").value;
  return Object.entries(out).map(([key, value]) => `${key}=${encodeURIComponent(value)
    .replaceAll("%2C", ",").replaceAll("%3A", ":")}`).join("&");
}

function numbers(text) {
  const out = (text ?? "").split(",").map(Number);
  return text && out.every(Number.isFinite) ? out : null;
}

async function followLink(wanted) {
  if (wanted.has("time") && data.activation) {
    state.time = Math.min(100, Math.max(0, Number(wanted.get("time")) || 0));
    showTime();
  }
  if (wanted.has("only")) {
    const labels = numbers(wanted.get("only")) ?? [];
    data.structures.forEach((s) => show(s, labels.includes(s.label)));
  }
  for (const name of MENUS) {
    const value = wanted.get(name);
    if (value && [...$(name).options].some((o) => o.value === value)) await choose(name, value);
  }
  const [opacity] = numbers(wanted.get("opacity")) ?? [];
  if (opacity >= 0 && opacity <= 1) $("surface-opacity").value = opacity;
  for (const pair of (wanted.get("own") ?? "").split(",")) {
    const [label, own] = pair.split(":").map(Number);
    if (structureOf(label) && own >= 0 && own <= 1) opacities.set(label, own);
  }
  const [labels] = numbers(wanted.get("labels")) ?? [];
  if (labels >= 0 && labels <= 1) $("label-opacity").value = labels;
  $("sheets").checked = wanted.get("sheets") !== "0";
  $("radiological").checked = wanted.get("radiological") !== "0";
  slices.setRadiologicalConvention($("radiological").checked);
  if (BACKS[wanted.get("background")]) background(wanted.get("background"));
  if (wanted.get("layout") in LAYOUTS) layout(wanted.get("layout"));
  // A link's own plane goes before that of its layout.
  if ([...$("plane").options].some((o) => o.value === wanted.get("plane"))) {
    choose("plane", wanted.get("plane"));
  }
  followPlaces(wanted);
  repaint();
}

function followPlaces(wanted) {
  const [label, fascicle] = (wanted.get("select") ?? "").split(".").map(Number);
  const part = structureOf(label);
  const known = part?.tract && fascicle >= 0 && fascicle < part.offsets.length - 1;
  if (part) select(label, known ? fascicle : null);
  const mm = numbers(wanted.get("place"));
  if (mm?.length === 3) moveTo(mm);
  else if (part) goTo(part);
  if (VIEWS[wanted.get("view")]) look(VIEWS[wanted.get("view")]);
  const camera = numbers(wanted.get("camera"));
  if (camera?.length === 3 && camera[2] > 0) {
    [scene.scene.renderAzimuth, scene.scene.renderElevation] = camera;
    scene.scene.volScaleMultiplier = camera[2];
    zoomed = true;
  }
}

// As the page opened.
async function reset() {
  following = true;
  if (state.playing) play();
  hidden.clear();
  opacities.clear();
  select(null);
  state.time = 0;
  showTime();
  $("sheets").checked = true;
  $("label-opacity").value = 0.45;
  $("overlay-opacity").value = 0.8;
  $("radiological").checked = true;
  slices.setRadiologicalConvention(true);
  for (const name of MENUS) await choose(name, OPENING[name]);
  background(OPENING.background);
  slices.scene.pan2Dxyzmm = [0, 0, 0, 1];
  slices.volumes[0].cal_min = 0;
  slices.volumes[0].cal_max = 255;
  slices.updateGLVolume();
  layout(OPENING.layout);
  openPlaces();
  following = false;
  remember();
}

// The crosshair inside the largest muscle, the whole leg or both legs in the picture.
function openPlaces() {
  const largest = structureOf(data.largest);
  if (largest) goTo(largest);
  look(OPENING_VIEW);
}

async function copyLink() {
  const address = `${location.href.split("#")[0]}#${currentLink()}`;
  try {
    await navigator.clipboard.writeText(address);
    $("link-told").textContent = "Link copied";
  } catch {
    $("link-told").textContent = "The address of this page is the link";
  }
  setTimeout(() => { $("link-told").textContent = ""; }, 4000);
}
