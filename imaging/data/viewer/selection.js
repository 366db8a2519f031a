// One muscle, and perhaps one of its fascicles, is selected: marked in 3-D, in the slices and in
// the list, with its figures in a card.

const picked = { mesh: null };

function select(label, fascicle = null) {
  const part = structureOf(label);
  const before = state.selected;
  state.selected = part ? part.label : null;
  state.fascicle = part?.tract ? fascicle : null;
  if (before !== state.selected) {
    paintOutline(part);
    // What was hidden and is now asked for shows again.
    if (part && hidden.delete(part.label)) {
      paintLabels();
      updateList();
    }
  }
  showFascicle(part);
  paintSurfaces();
  paintFascicles();
  showCard();
  markRow();
  scene.drawScene();
  remember();
}

function showFascicle(part) {
  drop(picked.mesh);
  picked.mesh = null;
  if (!part || state.fascicle === null) return;
  const [from, to] = [part.offsets[state.fascicle], part.offsets[state.fascicle + 1]];
  picked.mesh = tubes(part.linePoints.slice(3 * from, 3 * to), new Uint32Array([0, to - from]),
    "selected fascicle", MARKED, 1.6);
  picked.mesh.updateMesh(scene.gl);
  scene.meshes.push(picked.mesh);
}

function showCard() {
  const part = structureOf(state.selected);
  $("card").hidden = !part;
  $("card-hint").hidden = Boolean(part);
  if (!part) return;
  $("card-name").textContent = part.name;
  $("card-swatch").style.backgroundColor = `rgb(${part.colour.join(",")})`;
  $("card-figures").replaceChildren(...muscleRows(part).map(figureRow));
  const lone = state.fascicle !== null;
  $("card-fascicle").hidden = !lone;
  if (lone) {
    $("card-fascicle-name").textContent = `Fascicle ${state.fascicle + 1} of ${part.offsets.length - 1} shown in this muscle`;
    $("card-fascicle-figures").replaceChildren(...fascicleRows(part).map(figureRow));
  }
  const opacity = opacityOf(part);
  $("card-opacity").value = opacity;
  $("card-opacity").disabled = !part.mesh;
}

function figureRow([name, text, title]) {
  return element("tr", { title: title ?? "" }, element("th", { scope: "row" }, name),
    element("td", {}, text));
}

// The headline measures, the one in the list and the one painted; dashes where not measured.
function muscleRows(part) {
  if (!part.muscle) return [["Figures", "none of bones"]];
  const wanted = data.columns.filter(
    (c) => c.headline || c.id === state.column || c.id === state.surface);
  const told = wanted.filter((item) => part.row[item.id]);
  const rows = told.map((item) => {
    const cell = part.row[item.id];
    const yes = item.id === "coverage" && [0, 1].includes(cell[0]);
    return [item.title, yes ? ["no", "yes"][cell[0]] : withSpread(cell, item.unit), cell[2]];
  });
  const without = wanted.filter((item) => !part.row[item.id]).map((item) => item.title);
  if (without.length) rows.push(["Not measured", without.join(", ")]);
  return [...rows, ...cycleRows(part)];
}

function withSpread([value, spread, status], unit) {
  const range = spread === null ? "" : ` ± ${number(spread)}`;
  return `${number(value)}${range}${unit && unit !== "°" ? ` ${unit}` : unit}${MARKS[status] ?? ""}`;
}

function fascicleRows(part) {
  const rows = [];
  for (const item of data.fascicles.measures) {
    if (!item.headline && item.id !== state.measure) continue;
    const value = part.values[item.id][state.fascicle];
    rows.push([item.title, Number.isNaN(value) ? "not measured" : figure(value, item.unit)]);
  }
  return rows;
}

function goTo(part) {
  if (part.centre) moveTo(part.centre);
}

function pickInScene(x, y) {
  const found = pick(x, y);
  if (!found) return;
  select(found.part.label, found.fascicle ?? null);
  moveTo(found.mm);
}

function pickInSlices() {
  const part = partOf(Math.round(valueAt(slices.labels, place())));
  if (part && isListed(part)) select(part.label);
}
