// The page opens.

let zoomed = false; // the reader's own size of the 3-D picture outlasts a change of the window

function problem(error) {
  document.body.dataset.state = "failed";
  $("problem").hidden = false;
  $("problem").textContent = `The pictures cannot be shown: ${error?.message ?? error}. ` +
    "A browser with WebGL 2 is needed; the tables on this page stay valid.";
}

// For those who drive the page by a script.
globalThis.pennate = { data, state, scene, slices };

async function start() {
  addControls();
  buildList();
  updateList();
  captions(); // before the panes are measured, whose height it changes
  if (!document.createElement("canvas").getContext("webgl2")) throw new Error("no WebGL 2");
  await scene.attachToCanvas($("scene"));
  await slices.attachToCanvas($("slices"));
  addColours();
  await loadVolumes();
  paintLabels();
  buildScene();
  paintSurfaces();
  paintFascicles();
  slices.onLocationChange = onPlace;
  layout(OPENING.layout);
  background(OPENING.background);
  openPlaces();
  showPlane();
  const wanted = new URLSearchParams(location.hash.slice(1));
  if (location.hash.length > 1) await followLink(wanted);
  following = false;
  $("scene").addEventListener("wheel", () => { zoomed = true; });
  for (const pane of [scene, slices]) {
    pane.quiet = false;
    pane.drawScene();
  }
  new ResizeObserver(joined(() => zoomed || fit())).observe($("scene"));
  document.body.dataset.state = "ready";
}

start().catch(problem);
