// What is shown, as one PNG with its scales and words.

function saveScreenshot() {
  const picture = drawPicture();
  picture.toBlob((blob) => {
    const link = element("a", { href: URL.createObjectURL(blob),
      download: `${data.subject}_viewer.png` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

// The browser keeps what WebGL drew only until it has shown it: draw, and copy at once.
function drawPicture() {
  scene.drawScene();
  slices.drawScene();
  const panes = [$("scene"), $("slices")].filter((c) => c.offsetWidth > 0);
  const boxes = panes.map((c) => c.getBoundingClientRect());
  const left = Math.min(...boxes.map((b) => b.left));
  const top = Math.min(...boxes.map((b) => b.top));
  const width = Math.max(...boxes.map((b) => b.right)) - left;
  const height = Math.max(...boxes.map((b) => b.bottom)) - top;
  const words = legend();
  const out = element("canvas", { width: Math.ceil(width), height: Math.ceil(height + 24 * words.length + 12) });
  const paint = out.getContext("2d");
  paint.fillStyle = "#14171c";
  paint.fillRect(0, 0, out.width, out.height);
  panes.forEach((canvas, k) => {
    const box = boxes[k];
    paint.drawImage(canvas, box.left - left, box.top - top, box.width, box.height);
  });
  words.forEach(({ text, scale, item }, k) => drawLegend(paint, text, scale, item, height + 24 * k));
  return out;
}

function drawLegend(paint, text, scale, item, y) {
  paint.font = "14px system-ui, sans-serif";
  paint.fillStyle = "#e8ecf1";
  paint.textBaseline = "middle";
  paint.fillText(text, 8, y + 18);
  if (!item) return;
  const at = 16 + paint.measureText(text).width;
  paintBar(paint, scale, at, y + 12, 120, 12);
  paint.fillStyle = "#e8ecf1";
  paint.fillText(`${number(item.low)} to ${figure(item.high, item.unit)}`, at + 128, y + 18);
}

function legend() {
  const time = moves() ? `, ${$("time-text").textContent}` : "";
  const cycle = CYCLES[state.surface];
  const out = [{ text: `${data.subject} · Pennate ${data.version} · research use only${time}` }];
  if (cycle) out.push({ text: cycle.title, scale: cycle.scale, item: cycleScale(cycle) });
  else if (column(state.surface)) {
    out.push({ text: `Surfaces: ${column(state.surface).title}`, scale: "measure", item: column(state.surface) });
  }
  const lines = fascicleMeasure(state.measure);
  if (lines) out.push({ text: `Fascicles: ${lines.title}`, scale: "measure", item: lines });
  const overlay = data.overlays.find((o) => o.id === state.overlay);
  if (overlay) out.push({ text: `Slices: ${overlay.title}`, scale: "measure", item: overlay });
  return out;
}
