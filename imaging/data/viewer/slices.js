// The slices: anatomy, labels, overlay and the outline of what is selected.

const LAYOUTS = { all: 3, scene: 3, axial: 0, coronal: 1, sagittal: 2 }; // NiiVue's slice types

const slices = new Pane({
  backColor: [0.05, 0.06, 0.07, 1], isRadiologicalConvention: true, multiplanarShowRender: 0,
  dragAndDropEnabled: false, showLegend: false, logLevel: "error", loadingText: "",
  crosshairColor: [1, 1, 0.3, 0.7], crosshairWidth: 0.8, crosshairWidthUnit: "mm", crosshairGap: 4,
  fontColor: [1, 0.85, 0.4, 1], fontMinPx: 18, showAllOrientationMarkers: true, tileMargin: 4,
});

async function volume(base64, name, options) {
  return NVImage.loadFromBase64(
    { base64, name: `${name}.nii.gz`, colorbarVisible: false, ...options });
}

async function loadVolumes() {
  slices.addVolume(await volume(data.volumes.anatomy, "anatomy", { colormap: "gray" }));
  slices.addVolume(await volume(data.volumes.labels, "labels", { opacity: 0.45 }));
  slices.labels = slices.volumes[1];
}

// NiiVue colour tables: the overlay's entry 0 is clear, the fascicles' entry 0 is grey; one table
// serves both, since fascicles ignore its opacity.
function addColours() {
  const scale = data.scales.measure.map((c) => [...c]);
  scale[0] = data.grey;
  const table = (colours, opaque) => ({
    R: colours.map((c) => c[0]), G: colours.map((c) => c[1]), B: colours.map((c) => c[2]),
    A: colours.map((_, k) => (k ? opaque : 0)), I: colours.map((_, k) => k),
  });
  for (const viewer of [scene, slices]) {
    viewer.addColormap("pennate", table(scale, 255));
    viewer.addColormap("outline", table(scale.map(() => MARKED), 255));
  }
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
  const table = labelTable();
  const opacity = Number($("label-opacity").value);
  const key = `${table.R} ${table.G} ${table.B} ${table.A} ${opacity}`;
  if (slices.labels.painted === key) return;
  slices.labels.painted = key;
  slices.labels.setColormapLabel(table);
  slices.labels.opacity = opacity;
  slices.updateGLVolume();
}

async function showOverlay() {
  const item = data.overlays.find((o) => o.id === state.overlay);
  if (slices.overlay) slices.removeVolume(slices.overlay);
  slices.overlay = null;
  drawScale("scale-overlay", "measure", item);
  $("row-overlay").hidden = !item;
  if (item) {
    const loaded = await volume(item.nifti, item.id, {
      colormap: "pennate", opacity: Number($("overlay-opacity").value), cal_min: 0, cal_max: 255,
    });
    if (state.overlay !== item.id || slices.overlay) return; // another one was chosen meanwhile
    slices.overlay = loaded;
    slices.addVolume(slices.overlay);
    if (slices.outline) slices.moveVolumeToTop(slices.outline);
    if (!valueAt(slices.overlay, place())) moveTo(item.place);
  }
  captions();
  slices.createOnLocationChange();
}

function place() {
  return [...slices.frac2mm(slices.scene.crosshairPos, 0, true)].slice(0, 3);
}

// World mm; NiiVue's other frame leaves out the turn of an oblique grid.
function moveTo(mm) {
  const at = slices.mm2frac(mm, 0, true);
  slices.scene.crosshairPos = Float32Array.from(at, inside);
  slices.createOnLocationChange();
  slices.drawScene();
}

function inside(share) {
  return Math.min(1 - 1e-6, Math.max(0, share));
}

function valueAt(image, mm) {
  const voxel = image.mm2vox(mm);
  return image.getValue(voxel[0], voxel[1], voxel[2]);
}

// Move by voxels of the slices as they are drawn, x to the person's left or right as shown.
function step(across, up, through) {
  const flat = { all: [0, 1, 2], scene: [0, 1, 2], axial: [0, 1, 2], coronal: [0, 2, 1],
    sagittal: [1, 2, 0] }[state.layout];
  const mirrored = flat[0] === 0 && $("radiological").checked ? -1 : 1;
  const at = [...slices.scene.crosshairPos];
  const count = slices.volumes[0].dimsRAS;
  [across * mirrored, up, through].forEach((steps, k) => {
    const axis = flat[k];
    at[axis] = inside(at[axis] + steps / count[axis + 1]);
  });
  slices.scene.crosshairPos = Float32Array.from(at);
  slices.createOnLocationChange();
  slices.drawScene();
}

function stepByKey(event) {
  const steps = { ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, 1, 0],
    ArrowDown: [0, -1, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1] }[event.key];
  if (!steps || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  step(...steps);
}

function onPlace() {
  const mm = place();
  const part = partOf(Math.round(valueAt(slices.labels, mm)));
  const rows = [
    ["Position R, A, S", `${mm.map((v) => v.toFixed(1).replace(/^-0\.0$/, "0.0")).join(", ")} mm`],
    ["Structure", part ? part.name : "none"],
  ];
  const item = data.overlays.find((o) => o.id === state.overlay);
  if (item && slices.overlay) {
    const byte = valueAt(slices.overlay, mm);
    const value = item.low + ((byte - 1) / 254) * (item.high - item.low);
    const sign = byte === 255 ? "≥ " : byte === 1 ? "≤ " : "";
    rows.push([item.title, byte >= 1 ? sign + figure(value, item.unit) : "not measured"]);
  }
  $("place").replaceChildren(...rows.map(([name, text]) => element("tr", {},
    element("th", { scope: "row" }, name), element("td", {}, text))));
  movePlane();
  remember();
}

// Border voxels of a structure, one voxel thin.
function paintOutline(part) {
  const value = part ? part.voxel ?? part.label : 0;
  const { img, hdr } = slices.labels;
  if (!slices.outline) {
    if (!part) return;
    slices.outline = slices.labels.clone();
    slices.outline.colormap = "outline";
    Object.assign(slices.outline, { name: "outline", opacity: 1, cal_min: 0, cal_max: 1 });
    slices.addVolume(slices.outline);
  }
  const out = slices.outline.img;
  const [across, plane] = [hdr.dims[1], hdr.dims[1] * hdr.dims[2]];
  const beside = [1, -1, across, -across, plane, -plane];
  for (let k = 0; k < img.length; k++) {
    out[k] = value && img[k] === value && beside.some((d) => img[k + d] !== value) ? 1 : 0;
  }
  slices.updateGLVolume();
}
