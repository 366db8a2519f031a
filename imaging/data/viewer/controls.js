// Menus, buttons and keys.

const KEYS = { 0: "all", 1: "scene", 2: "axial", 3: "coronal", 4: "sagittal" };

function captions() {
  const painted = CYCLES[state.surface]?.words ?? "";
  const moving = CYCLES[state.measure];
  $("caption-scene").textContent = painted || moving?.lines || moving?.words || "";
  const told = CYCLES[state.surface] ?? CYCLES[state.measure] ?? CYCLES.activation;
  $("cycle-note").textContent = told ? `${told.note}.` : "";
  const item = data.overlays.find((o) => o.id === state.overlay);
  $("caption-slices").textContent = [item ? withUnit(item) : "", painted].filter(Boolean).join(" · ");
  $("painted").value = state.surface in CYCLES ? state.surface : "";
}

function repaint() {
  paintSurfaces();
  paintFascicles();
  paintLabels();
  updateList();
  showCard();
  captions();
  scene.drawScene();
  remember();
}

function choose(name, value) {
  state[name] = value;
  $(name).value = value;
  if (name === "overlay") {
    remember();
    return showOverlay();
  }
  if (name === "plane") {
    remember();
    return showPlane();
  }
  // Values need full colour; muscles in their own colours may let the fascicles show.
  if (name === "surface") setOpacity(value === "muscle" ? THROUGH : 1);
  return repaint();
}

function setOpacity(value) {
  opacities.clear();
  $("surface-opacity").value = value;
}

// One pane large, the other beside it and small; the axial, coronal or sagittal slice alone.
function layout(name) {
  state.layout = name;
  document.querySelector("main").dataset.layout = name;
  for (const button of $("layouts").children) {
    button.ariaPressed = String(button.dataset.layout === name);
  }
  if (PLANES[name] && state.plane !== "none") choose("plane", name);
  slices.opts.crosshairWidth = name in PLANES ? 0.3 : 0.8;
  // The library keeps the crosshair that it has drawn until it moves.
  if (slices.crosshairs3D) slices.crosshairs3D.mm = [NaN, NaN, NaN];
  slices.setSliceType(LAYOUTS[name]);
  remember();
}

function list(id, section, texts) {
  $(section).hidden = texts.length === 0;
  $(id).replaceChildren(...texts.map((text) => element("li", {}, text)));
}

function fillMenus() {
  const cycles = Object.entries(CYCLES).map(([id, { title }]) => [id, title]);
  OPENING.column = data.columns[0]?.id ?? "";
  fill($("surface"), [["muscle", "Muscle"], ...cycles], data.columns, OPENING.surface);
  fill($("column"), [], data.columns, OPENING.column);
  fill($("overlay"), [["", "None"]], data.overlays, OPENING.overlay);
  fill($("painted"), [["", "nothing over the cycle"], ...cycles], [], "");
  $("section-fascicles").hidden = !data.fascicles;
  if (data.fascicles) {
    const { measures, shown, all } = data.fascicles;
    OPENING.measure = fascicleMeasure("length_mm") ? "length_mm" : "muscle";
    const first = [["muscle", "Muscle"], ["direction", "Direction (red L-R, green A-P, blue S-I)"],
      ["none", "Not shown"]];
    if (data.activation) first.push(["activation", CYCLES.activation.title]);
    if (data.force && fascicleMeasure("force_at_peak_N")) {
      first.push(["force", "Force over the cycle (N), modelled"]);
    }
    fill($("measure"), first, measures, OPENING.measure);
    $("fascicle-count").textContent = `${shown} of ${all} fascicles are shown, none under opaque surfaces; grey: not measured.`;
  }
  Object.assign(state, OPENING);
}

function fillNotes() {
  const sheets = data.structures.filter((s) => s.sheet);
  const origin = (s) => (s.sheet.found ? "found from the data" : "given");
  list("sheet-list", "section-sheets", sheets.map((s) => `${s.name}: ${origin(s)}`));
  $("sheet-colour").style.backgroundColor = `rgb(${data.sheet.join(",")})`;
  list("warnings", "section-warnings", data.warnings);
  list("missing", "section-missing", data.missing);
}

function addControls() {
  fillMenus();
  fillNotes();
  for (const name of ["surface", "measure", "overlay", "column", "plane"]) {
    $(name).onchange = () => choose(name, $(name).value);
  }
  $("painted").onchange = () => choose("surface", $("painted").value || "muscle");
  $("sheets").onchange = repaint;
  $("surface-opacity").oninput = () => { opacities.clear(); repaint(); };
  $("label-opacity").oninput = () => { paintLabels(); remember(); };
  $("overlay-opacity").oninput = () => {
    if (!slices.overlay) return;
    slices.overlay.opacity = Number($("overlay-opacity").value);
    slices.updateGLVolume();
  };
  $("radiological").onchange = () => {
    slices.setRadiologicalConvention($("radiological").checked);
    remember();
  };
  $("all").onclick = () => { hidden.clear(); repaint(); };
  $("none").onclick = () => { data.structures.forEach((s) => hidden.add(s.label)); repaint(); };
  $("cycle").hidden = !data.activation;
  $("time").oninput = () => moveTime(Number($("time").value));
  $("play").onclick = play;
  for (const [name, angles] of Object.entries(VIEWS)) {
    const button = element("button", { type: "button" }, name);
    button.onclick = () => look(angles);
    $("views").append(button);
  }
  $("background").onclick = () => { background($("background").textContent); remember(); };
  for (const button of $("layouts").children) button.onclick = () => layout(button.dataset.layout);
  $("reset").onclick = reset;
  $("screenshot").onclick = saveScreenshot;
  $("link").onclick = copyLink;
  addCardControls();
  addPointers();
}

function addCardControls() {
  $("card-close").onclick = () => select(null);
  $("card-go").onclick = () => goTo(structureOf(state.selected));
  $("card-only").onclick = () => {
    data.structures.filter(isListed).forEach((s) => show(s, s.label === state.selected));
    repaint();
  };
  $("card-opacity").oninput = () => {
    opacities.set(state.selected, Number($("card-opacity").value));
    repaint();
  };
}

function addPointers() {
  onClick($("scene"), pickInScene);
  onClick($("slices"), pickInSlices);
  $("scene").addEventListener("keydown", turnByKey);
  $("slices").addEventListener("keydown", stepByKey);
  for (const kind of ["pointerup", "wheel"]) $("scene").addEventListener(kind, remember);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("select, input:not([type=checkbox])")) return;
    if (KEYS[event.key]) layout(KEYS[event.key]);
    else if (event.key === "Escape" && state.selected !== null) select(null);
  });
}
