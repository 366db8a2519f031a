// The list of muscles and bones, built once, so that the keyboard's place in it is kept.

const rows = new Map(); // label to what its row is made of

function buildList() {
  const groups = new Map();
  for (const part of data.structures.filter(isListed)) {
    const side = part.side ? `${part.side[0].toUpperCase()}${part.side.slice(1)} leg` : "Muscles";
    const name = part.tissue === "bone" ? "Bones" : side;
    groups.set(name, [...(groups.get(name) ?? []), part]);
  }
  const last = groups.get("Bones");
  if (last && groups.delete("Bones")) groups.set("Bones", last);
  $("muscles").replaceChildren(...[...groups].flatMap(([name, parts]) => buildGroup(name, parts)));
}

function buildGroup(name, parts) {
  const body = element("tbody");
  const box = element("input", { type: "checkbox", checked: true, "aria-label": `Show ${name}` });
  box.onchange = () => {
    for (const part of parts) show(part, box.checked);
    repaint();
  };
  const head = element("tr", { className: "group" }, element("td", {}, box),
    element("th", { colSpan: 4, scope: "rowgroup" }, name));
  body.append(head, ...parts.map(buildRow));
  rows.set(name, { box, parts });
  return body;
}

function show(part, shown) {
  if (shown) hidden.delete(part.label);
  else hidden.add(part.label);
}

function buildRow(part) {
  const box = element("input", { type: "checkbox", "aria-label": `Show ${part.name}` });
  box.onchange = () => {
    show(part, box.checked);
    repaint();
  };
  const swatch = element("span", { className: "swatch" });
  const unmeasured = Boolean(data.activation && part.muscle && !part.emg);
  swatch.classList.toggle("hatched", unmeasured);
  if (unmeasured) swatch.title = "surface EMG not measured";
  const name = element("button", { type: "button", className: "name", title: "Select and go there" },
    part.name);
  name.onclick = () => {
    select(part.label);
    goTo(part);
  };
  const through = element("button", { type: "button", className: "through", title: "See-through",
    "aria-label": `${part.name} see-through`, hidden: !part.faces }, "◐");
  through.onclick = () => {
    opacities.set(part.label, opacityOf(part) < 1 ? 1 : THROUGH);
    repaint();
  };
  const value = element("td");
  const row = element("tr", {}, element("td", {}, box), element("td", {}, swatch),
    element("td", {}, name), element("td", {}, through), value);
  row.dataset.label = part.label;
  rows.set(part.label, { part, row, box, swatch, name, through, value });
  return row;
}

function updateList() {
  for (const entry of rows.values()) {
    if (!entry.part) {
      const shown = entry.parts.filter((p) => !hidden.has(p.label)).length;
      entry.box.checked = shown > 0;
      entry.box.indeterminate = shown > 0 && shown < entry.parts.length;
      continue;
    }
    const { part } = entry;
    entry.box.checked = !hidden.has(part.label);
    entry.swatch.style.backgroundColor = `rgb(${colourOf(part).join(",")})`;
    entry.through.ariaPressed = String(opacityOf(part) < 1);
    const cell = part.row[state.column];
    entry.value.textContent = cell ? number(cell[0]) + (MARKS[cell[2]] ?? "") : "–";
    entry.value.title = cell ? `${withSpread(cell, column(state.column).unit)} ${cell[2]}` : "";
  }
  markRow();
}

function markRow() {
  for (const [label, { row, name }] of rows) {
    if (!row) continue;
    const marked = label === state.selected;
    if (marked && !row.classList.contains("selected")) row.scrollIntoView({ block: "nearest" });
    row.classList.toggle("selected", marked);
    if (marked) name.setAttribute("aria-current", "true");
    else name.removeAttribute("aria-current");
  }
}

// A menu with its options under the headings of the stages they come from.
function fill(select, first, items, value) {
  const options = (of) => of.map(([id, text]) => new Option(text, id));
  const groups = data.groups
    .map((name) => [name, items.filter((item) => item.group === name)])
    .filter(([, found]) => found.length);
  select.replaceChildren(...options(first), ...groups.map(([name, found]) => {
    const group = element("optgroup", { label: name });
    group.append(...options(found.map((item) => [item.id, withUnit(item)])));
    return group;
  }));
  select.value = value;
}
