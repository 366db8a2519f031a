// Where the 3-D pane is looked at from, and what lies under a place of its picture.

const VIEWS = { front: [180, 0], back: [0, 0], right: [270, 0], left: [90, 0], top: [0, 90] };
const OPENING_VIEW = [215, 8];
const NEAR_PX = 5; // a click so near to a fascicle means the fascicle

// World to the picture: column-major, as WebGL has it.
function projection() {
  const { renderAzimuth, renderElevation } = scene.scene;
  return scene.calculateMvpMatrix(null, [0, 0, 0, 0], renderAzimuth, renderElevation)[0];
}

// Return a function from a world point to its depth, larger where farther away.
function viewDepth() {
  const m = projection();
  return ([x, y, z]) => m[2] * x + m[6] * y + m[10] * z + m[14];
}

// Places of world points in the pane: x, y in CSS pixels and depth, three numbers per point.
function projected(places) {
  const m = projection();
  const { width, height } = $("scene").getBoundingClientRect();
  const out = new Float32Array(places.length);
  for (let k = 0; k < places.length; k += 3) {
    const [x, y, z] = [places[k], places[k + 1], places[k + 2]];
    out[k] = (0.5 + 0.5 * (m[0] * x + m[4] * y + m[8] * z + m[12])) * width;
    out[k + 1] = (0.5 - 0.5 * (m[1] * x + m[5] * y + m[9] * z + m[13])) * height;
    out[k + 2] = m[2] * x + m[6] * y + m[10] * z + m[14];
  }
  return out;
}

// Make everything that can be drawn fit into the picture as it is turned now.
function fit() {
  const { width, height } = $("scene").getBoundingClientRect();
  const key = [width, height, scene.scene.renderAzimuth, scene.scene.renderElevation].join();
  if (!width || !height || key === fit.done) return;
  fit.done = key;
  scene.scene.volScaleMultiplier = 1;
  let most = 0;
  for (const part of data.structures) {
    const places = part.mesh?.pts ?? part.linePoints;
    if (!places) continue;
    const seen = projected(places);
    for (let k = 0; k < seen.length; k += 3) {
      most = Math.max(most, Math.abs(seen[k] / width - 0.5), Math.abs(seen[k + 1] / height - 0.5));
    }
  }
  if (most > 0) scene.scene.volScaleMultiplier = 0.46 / most;
  scene.drawScene();
}

function look([azimuth, elevation]) {
  scene.scene.renderAzimuth = azimuth;
  scene.scene.renderElevation = elevation;
  zoomed = false;
  fit.done = null;
  fit();
  remember();
}

function background(name) {
  state.background = name;
  scene.opts.backColor = BACKS[name];
  $("pane-scene").dataset.back = name;
  $("background").textContent = name === "light" ? "dark" : "light";
  scene.drawScene();
}

// The nearest surface under a place: its structure, the world point and the depth.
function surfaceAt(x, y, wanted) {
  let best = null;
  for (const part of data.structures) {
    if (!part.mesh?.visible || !wanted(part)) continue;
    const { pts, tris } = part.mesh;
    const seen = projected(pts);
    for (let t = 0; t < tris.length; t += 3) {
      const [a, b, c] = [3 * tris[t], 3 * tris[t + 1], 3 * tris[t + 2]];
      const shares = barycentric(x, y, seen, a, b, c);
      if (!shares) continue;
      const mixed = (from, k) =>
        shares[0] * from[a + k] + shares[1] * from[b + k] + shares[2] * from[c + k];
      const depth = mixed(seen, 2);
      if (best && depth >= best.depth) continue;
      best = { part, depth, mm: [mixed(pts, 0), mixed(pts, 1), mixed(pts, 2)] };
    }
  }
  return best;
}

function barycentric(x, y, seen, a, b, c) {
  const [ax, ay, bx, by] = [seen[a], seen[a + 1], seen[b], seen[b + 1]];
  const [cx, cy] = [seen[c], seen[c + 1]];
  const area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
  if (area === 0) return null;
  const v = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area;
  const w = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area;
  return v >= 0 && w >= 0 && v + w <= 1 ? [1 - v - w, v, w] : null;
}

// The nearest fascicle that is drawn within a few pixels and before a depth.
function fascicleAt(x, y, before) {
  let best = null;
  for (const part of data.structures) {
    if (!part.tract?.visible) continue;
    const seen = projected(part.linePoints);
    for (let f = 0; f + 1 < part.offsets.length; f++) {
      for (let k = part.offsets[f]; k + 1 < part.offsets[f + 1]; k++) {
        const [share, off] = along(x, y, seen, 3 * k, 3 * k + 3);
        if (off > NEAR_PX) continue;
        const depth = seen[3 * k + 2] + share * (seen[3 * k + 5] - seen[3 * k + 2]);
        if (depth >= before || (best && depth >= best.depth)) continue;
        const from = part.linePoints;
        const mm = [0, 1, 2].map((i) => from[3 * k + i]
          + share * (from[3 * k + 3 + i] - from[3 * k + i]));
        best = { part, fascicle: f, depth, mm };
      }
    }
  }
  return best;
}

// Share along a segment nearest to a place, and how far off that is, in pixels.
function along(x, y, seen, a, b) {
  const [dx, dy] = [seen[b] - seen[a], seen[b + 1] - seen[a + 1]];
  const length = dx * dx + dy * dy;
  const share = length
    ? Math.min(1, Math.max(0, ((x - seen[a]) * dx + (y - seen[a + 1]) * dy) / length)) : 0;
  return [share, Math.hypot(seen[a] + share * dx - x, seen[a + 1] + share * dy - y)];
}

// What is under a place of the 3-D picture: a fascicle where one shows, else a surface.
function pick(x, y) {
  const wall = surfaceAt(x, y, isSolid);
  return fascicleAt(x, y, wall?.depth ?? Infinity) ?? wall ?? surfaceAt(x, y, () => true);
}

// Call when the pointer went down and up at one place.
function onClick(canvas, work) {
  let start = null;
  canvas.addEventListener("pointerdown", (event) => {
    start = event.button === 0 ? [event.clientX, event.clientY] : null;
  });
  canvas.addEventListener("pointerup", (event) => {
    const moved = start && Math.hypot(event.clientX - start[0], event.clientY - start[1]);
    if (start && moved < 4) {
      const box = canvas.getBoundingClientRect();
      // After the library, which moves its crosshair at the same click.
      setTimeout(() => work(event.clientX - box.left, event.clientY - box.top));
    }
    start = null;
  });
}

function turnByKey(event) {
  const turn = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, 10], ArrowDown: [0, -10] };
  const step = turn[event.key];
  if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  scene.scene.renderAzimuth = (scene.scene.renderAzimuth + step[0] + 360) % 360;
  const elevation = scene.scene.renderElevation + step[1];
  scene.scene.renderElevation = Math.min(90, Math.max(-90, elevation));
  scene.drawScene();
  remember();
}
