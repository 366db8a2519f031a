// The 3-D pane: surfaces, aponeuroses and fascicles, and what they are painted with.

const BACKS = { light: [0.95, 0.96, 0.97, 1], dark: [0.08, 0.09, 0.11, 1] };
const SHEET_OPACITY = 0.6;
// Light from the reader, never brighter than the colour itself: it must be found in its scale.
const LIT_SHADER = `#version 300 es
precision highp int;
precision highp float;
uniform float opacity;
in vec4 vClr;
in vec3 vN;
out vec4 color;
void main() {
  color = vec4(vClr.rgb * (0.5 + 0.5 * abs(normalize(vN).z)), opacity);
}`;
// A selected surface has a bright rim, which shows its outline through what it holds.
const RIM_SHADER = `#version 300 es
precision highp int;
precision highp float;
uniform float opacity;
in vec4 vClr;
in vec3 vN;
out vec4 color;
void main() {
  float facing = abs(normalize(vN).z);
  float rim = smoothstep(0.35, 0.75, 1.0 - facing);
  vec3 own = mix(vClr.rgb, vec3(1.0), 0.2) * (0.5 + 0.6 * facing);
  color = vec4(mix(own, vec3(${MARKED.map((c) => (c / 255).toFixed(3)).join(",")}), rim),
    max(opacity, 0.9 * rim));
}`;
// Colours as they are, without light; what is clear (1 of 255; lines have 0) is left out.
const PLAIN_SHADER = `#version 300 es
precision highp int;
precision highp float;
uniform float opacity;
in vec4 vClr;
in vec3 vN;
out vec4 color;
void main() {
  if ((vClr.a > 0.001 && vClr.a < 0.5) || vN.x > 9.0) discard;
  color = vec4(vClr.rgb, opacity);
}`;
const SHADERS = { lit: 0, rim: 1, plain: 2 };

// The library's own keys change slices and planes unasked; a double click would reset contrasts.
// NiiVue draws after every part it is given; drawing once, when all are there, is much faster.
class Pane extends Niivue {
  quiet = true;

  // Own ways to shade a mesh instead of the library's dozen, each of which takes time to compile.
  constructor(options) {
    super(options);
    this.meshShaders = [{ Name: "lit", Frag: LIT_SHADER }, { Name: "rim", Frag: RIM_SHADER },
      { Name: "plain", Frag: PLAIN_SHADER }];
  }

  drawScene() {
    return this.quiet ? undefined : super.drawScene();
  }

  keyDownListener() {}

  keyUpListener() {}

  resetBriCon() {}
}

class Scene extends Pane {
  drawScene() {
    if (this.meshes.length) orderMeshes();
    return super.drawScene();
  }

  // The point that the leg turns about stays, whatever is added for a selection.
  setPivot3D() {
    if (!this.pivoted) super.setPivot3D();
  }
}

const scene = new Scene({
  backColor: BACKS.light, isOrientCube: true, sliceType: 4, dragAndDropEnabled: false,
  showLegend: false, logLevel: "error", loadingText: "",
});

function twice(values) {
  const out = new values.constructor(2 * values.length);
  out.set(values);
  out.set(values, values.length);
  return out;
}

// NiiVue hides the back of a surface; an open sheet is seen from both sides.
function twoSided(places, faces) {
  const sides = new Uint32Array(2 * faces.length);
  sides.set(faces);
  for (let k = 0; k < faces.length; k++) {
    sides[2 * faces.length - 1 - k] = faces[k] + places.length / 3;
  }
  return [twice(places), sides];
}

function meshOf(places, faces, name, colours, shader = "lit") {
  const mesh = new NVMesh(places, faces, name, colours, 1, true, scene.gl);
  mesh.meshShaderIndex = SHADERS[shader];
  return mesh;
}

// Lines as tubes; sent to the graphics card by `updateMesh`.
function tubes(places, offsets, name, colour, radius, dpv = null) {
  const tract = new NVMesh(places, offsets, name, new Uint8Array([...colour, 0]), 1, true,
    scene.gl, "pennate", null, null, dpv, null);
  Object.assign(tract, { fiberDither: 0, fiberRadius: radius, fiberSides: 5, fiberColor: "Fixed" });
  tract.meshShaderIndex = SHADERS.lit;
  return tract;
}

function buildScene() {
  for (const part of data.structures) {
    if (part.lines) buildFascicles(part);
    if (part.sheet) {
      part.sheetMesh = meshOf(...twoSided(points(part.sheet.points), triangles(part.sheet.faces)),
        `aponeurosis ${part.name}`, new Uint8Array([...data.sheet, 255]));
      part.sheetMesh.opacity = SHEET_OPACITY;
      scene.meshes.push(part.sheetMesh);
    }
    if (part.faces && !["fat", "skin"].includes(part.tissue)) {
      part.mesh = meshOf(points(part.points), triangles(part.faces), part.name,
        new Uint8Array([...part.colour, 255]));
      scene.meshes.push(part.mesh);
    }
  }
  scene.setPivot3D();
  scene.pivoted = true;
}

function buildFascicles(part) {
  const offsets = new Uint32Array(bytes(part.lines.offsets).buffer);
  part.offsets = offsets;
  part.linePoints = points(part.lines.points);
  part.values = {};
  for (const [name, packed] of Object.entries(part.lines.values)) {
    part.values[name] = floats(packed);
  }
  const dpv = [{ id: "measure", vals: new Float32Array(offsets[offsets.length - 1]) }];
  part.tract = tubes(part.linePoints.slice(), offsets, `fascicles ${part.name}`, [255, 255, 255],
    0.55, dpv);
  scene.meshes.push(part.tract);
}

// What is solid is drawn first; then what is seen through, from the far to the near.
function orderMeshes() {
  const away = viewDepth();
  const depth = new Map();
  for (const mesh of scene.meshes) {
    const middle = [0, 1, 2].map((k) => (mesh.extentsMin[k] + mesh.extentsMax[k]) / 2);
    depth.set(mesh, mesh.opacity >= 1 && mesh.meshShaderIndex !== SHADERS.rim ? -1e9 : -away(middle));
  }
  const before = [...scene.meshes];
  scene.meshes.sort((a, b) => depth.get(a) - depth.get(b) || before.indexOf(a) - before.indexOf(b));
}

function opacityOf(part) {
  return opacities.get(part.label) ?? Number($("surface-opacity").value);
}

function isSolid(part) {
  return Boolean(part.mesh) && opacityOf(part) >= 1;
}

// What lies inside a muscle would stick out of an opaque surface as dots.
function inView(part) {
  return !isSolid(part) && !hidden.has(part.label);
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

// Vertices are sent anew only where what they show has changed.
function refresh(mesh, key, change) {
  if (mesh.painted === key) return;
  mesh.painted = key;
  change();
  mesh.updateMesh(scene.gl);
}

function paintSurfaces() {
  for (const part of data.structures) {
    if (!part.mesh) continue;
    const marked = part.label === state.selected;
    const opacity = opacityOf(part);
    part.mesh.visible = (opacity > 0 || marked) && !hidden.has(part.label);
    part.mesh.opacity = marked ? Math.max(opacity, 0.3) : opacity;
    part.mesh.meshShaderIndex = marked ? SHADERS.rim : SHADERS.lit;
    const colour = colourOf(part);
    refresh(part.mesh, String(colour), () => {
      part.mesh.rgba255 = new Uint8Array([...colour, 255]);
    });
    if (part.sheetMesh) part.sheetMesh.visible = $("sheets").checked && inView(part);
  }
  const cycle = CYCLES[state.surface];
  if (cycle) drawScale("scale-surface", cycle.scale, cycleScale(cycle));
  else drawScale("scale-surface", "measure", column(state.surface));
}

function paintFascicles() {
  for (const part of data.structures) {
    if (!part.tract) continue;
    part.tract.visible = state.measure !== "none" && inView(part);
    if (part.tract.visible) paintTract(part);
  }
  if (state.measure === "activation") {
    drawScale("scale-measure", "activation", cycleScale(CYCLES.activation));
  } else if (state.measure === "force") {
    drawScale("scale-measure", "measure", { ...fascicleMeasure("force_at_peak_N"), low: 0 });
  } else drawScale("scale-measure", "measure", fascicleMeasure(state.measure));
}

function paintTract(part) {
  const { tract } = part;
  if (state.measure === "direction") {
    refresh(tract, "direction", () => { tract.fiberColor = "Global"; });
  } else if (state.measure === "muscle" || state.measure === "activation") {
    const colour = state.measure === "muscle"
      ? part.colour.map((c) => Math.round(0.95 * c)) : cycleColour(part, CYCLES.activation);
    refresh(tract, String(colour), () => {
      tract.fiberColor = "Fixed";
      tract.rgba255 = new Uint8Array([...colour, 0]);
    });
  } else {
    const key = state.measure === "force" ? `force ${frame()}` : state.measure;
    refresh(tract, key, () => {
      const shares = sharesOf(part);
      const { vals } = tract.dpv[0];
      shares.forEach((share, f) => vals.fill(share, part.offsets[f], part.offsets[f + 1]));
      Object.assign(tract.dpv[0], { cal_min: 0, cal_max: 255 });
      tract.fiberColor = "DPV0";
    });
  }
}

// Place of each fascicle's value on the scale of colours, 1..255, and 0 where not measured.
function sharesOf(part) {
  const force = state.measure === "force";
  const item = fascicleMeasure(force ? "force_at_peak_N" : state.measure);
  const values = force ? forces(part) : part.values[state.measure];
  const low = force ? 0 : item.low;
  return Array.from(values, (value) => {
    if (Number.isNaN(value)) return 0;
    return Math.round(1 + 254 * Math.min(1, Math.max(0, (value - low) / (item.high - low || 1))));
  });
}

// Colour bar with its ends and the unit; none without a measure.
function drawScale(id, scale, item) {
  const box = $(id);
  box.replaceChildren();
  if (!item) return;
  const bar = element("canvas", { width: 256, height: 1, "aria-hidden": "true" });
  paintBar(bar.getContext("2d"), scale, 0, 0, 256, 1);
  box.append(bar);
  for (const [name, text] of [["low", number(item.low)], ["middle", item.unit || "no unit"],
    ["high", number(item.high)]]) {
    box.append(element("span", { className: name }, text));
  }
}

function paintBar(paint, scale, x, y, width, height) {
  data.scales[scale].forEach(([r, g, b], k) => {
    paint.fillStyle = `rgb(${r},${g},${b})`;
    paint.fillRect(x + (k * width) / 256, y, Math.ceil(width / 256), height);
  });
}
