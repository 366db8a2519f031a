// The crosshair and one of its slices in the 3-D pane.

const PLANES = { axial: [0, 1, 2], coronal: [0, 2, 1], sagittal: [1, 2, 0] };
const PLANE_POINTS = 128; // along the longer side
const AIR = 10; // shades darker than this are left clear
const CROSS_COLOUR = [235, 110, 0];
const cross = { mesh: null, lines: null };

// World point of shares 0..1 along the axes of the volume.
function worldOf(shares) {
  return [...slices.frac2mm(shares, 0, true)].slice(0, 3);
}

function planeGrid() {
  const [u, v, w] = PLANES[state.plane];
  const count = slices.volumes[0].dimsRAS.slice(1, 4);
  const size = slices.volumes[0].pixDimsRAS.slice(1, 4);
  const extent = [count[u] * size[u], count[v] * size[v]];
  const most = Math.max(...extent);
  const n = extent.map((e) => Math.max(2, Math.round((PLANE_POINTS * e) / most)));
  return { u, v, w, count, n };
}

// Vertices of the slice with the shades of the anatomy; clear where there is air.
function slicePoints({ u, v, w, count, n }, at) {
  const anatomy = slices.volumes[0];
  const places = new Float32Array(3 * n[0] * n[1]);
  const colours = new Uint8Array(4 * n[0] * n[1]);
  const shares = [...at];
  let k = 0;
  for (let j = 0; j < n[1]; j++) {
    for (let i = 0; i < n[0]; i++, k++) {
      shares[u] = i / (n[0] - 1);
      shares[v] = j / (n[1] - 1);
      places.set(worldOf(shares), 3 * k);
      const voxel = shares.map((s, axis) => Math.min(count[axis] - 1, Math.floor(s * count[axis])));
      const shadeHere = anatomy.getValue(...voxel);
      // The library takes a mesh whose first alpha is 0 for lines.
      colours.set([shadeHere, shadeHere, shadeHere, shadeHere < AIR ? 1 : 255], 4 * k);
    }
  }
  return [places, colours];
}

function sliceTriangles(n) {
  const faces = [];
  for (let j = 0; j + 1 < n[1]; j++) {
    for (let i = 0; i + 1 < n[0]; i++) {
      const k = j * n[0] + i;
      faces.push(k, k + 1, k + n[0], k + 1, k + n[0] + 1, k + n[0]);
    }
  }
  return new Uint32Array(faces);
}

function drop(mesh) {
  if (!mesh) return;
  scene.meshes.splice(scene.meshes.indexOf(mesh), 1);
  mesh.unloadMesh(scene.gl);
}

function buildPlane() {
  drop(cross.mesh);
  cross.mesh = null;
  if (!PLANES[state.plane]) return;
  const grid = planeGrid();
  const [places, colours] = slicePoints(grid, slices.scene.crosshairPos);
  const [both, faces] = twoSided(places, sliceTriangles(grid.n));
  cross.mesh = meshOf(both, faces, "slice", twice(colours), "plain");
  cross.grid = grid;
  scene.meshes.push(cross.mesh);
}

// Three lines through the crosshair, and the border of the slice.
function crossLines() {
  const at = slices.scene.crosshairPos;
  const ends = [0, 1, 2].map((axis) => [0, 1].map((side) => {
    const shares = [...at];
    shares[axis] = side;
    return worldOf(shares);
  }));
  const lines = [...ends];
  if (PLANES[state.plane]) {
    const [u, v] = PLANES[state.plane];
    const corners = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]].map(([a, b]) => {
      const shares = [...at];
      shares[u] = a;
      shares[v] = b;
      return worldOf(shares);
    });
    lines.push(corners);
  }
  return lines;
}

function buildCross() {
  drop(cross.lines);
  cross.lines = null;
  if (state.plane === "none") return;
  const lines = crossLines();
  const offsets = new Uint32Array(lines.length + 1);
  lines.forEach((line, k) => { offsets[k + 1] = offsets[k] + line.length; });
  cross.lines = tubes(new Float32Array(lines.flat(2)), offsets, "crosshair", CROSS_COLOUR, 0.35);
  cross.lines.meshShaderIndex = SHADERS.plain;
  cross.lines.updateMesh(scene.gl);
  scene.meshes.push(cross.lines);
}

// Follow the crosshair; what was built is moved, so that memory stays flat.
const movePlane = joined(() => {
  const at = `${state.plane} ${slices.scene.crosshairPos}`;
  if (cross.at === at || !scene.pivoted) return;
  cross.at = at;
  if (cross.mesh) {
    const [places, colours] = slicePoints(cross.grid, slices.scene.crosshairPos);
    cross.mesh.pts = twice(places);
    cross.mesh.rgba255 = twice(colours);
    cross.mesh.updateMesh(scene.gl);
  }
  if (cross.lines) {
    cross.lines.pts = new Float32Array(crossLines().flat(2));
    cross.lines.updateMesh(scene.gl);
  }
  scene.drawScene();
});

function showPlane() {
  cross.at = `${state.plane} ${slices.scene.crosshairPos}`;
  buildPlane();
  buildCross();
  scene.drawScene();
}
