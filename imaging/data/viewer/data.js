// What the page carries, and small helpers. World coordinates are RAS+ mm. In a volume a byte 0
// means not measured, 1..255 runs from a measure's low to its high value; figures of fascicles are
// plain numbers, NaN where not measured.

const { Niivue, NVImage, NVMesh } = globalThis.niivue;
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const THROUGH = 0.2; // opacity of surfaces that let the fascicles show
const MARKED = [255, 30, 200]; // what is selected: no muscle and no scale has this colour
const MARKS = { extrapolated: " e", modelled: " m", assumed: " a", cut: " c" };

// What can be chosen, as the page opens; everything here is kept in the link.
const OPENING = {
  surface: "muscle", measure: "muscle", overlay: "", column: "", time: 0, layout: "all",
  plane: "axial", background: "light",
};
const state = { ...OPENING, selected: null, fascicle: null };
const hidden = new Set();
const opacities = new Map(); // label to the opacity of its own surface

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

function floats(base64) {
  return new Float32Array(bytes(base64).buffer);
}

function number(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2);
  return String(Number(value.toPrecision(3)));
}

function withUnit(item) {
  return item.unit ? `${item.title} (${item.unit})` : item.title;
}

// A value with its unit; nothing stands between a number and a degree sign.
function figure(value, unit) {
  return unit ? `${number(value)}${unit === "°" ? "" : " "}${unit}` : number(value);
}

function column(id) {
  return data.columns.find((c) => c.id === id);
}

function fascicleMeasure(id) {
  return data.fascicles?.measures.find((m) => m.id === id);
}

function structureOf(label) {
  return data.structures.find((s) => s.label === label);
}

// Structure of a voxel: labels that do not fit into a byte stand for themselves by another one.
function partOf(value) {
  return value ? data.structures.find((s) => (s.voxel ?? s.label) === value) : undefined;
}

function isListed(part) {
  return part.muscle || part.tissue === "bone";
}

function shade(scale, share) {
  return data.scales[scale][Math.round(255 * Math.min(1, Math.max(0, share)))];
}

function element(name, attributes = {}, ...content) {
  const out = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in out) out[key] = value;
    else out.setAttribute(key, value);
  }
  out.append(...content);
  return out;
}

// Calls that come faster than the browser draws are joined into one.
function joined(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
}
