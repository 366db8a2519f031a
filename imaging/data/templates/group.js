"use strict";
(() => {
  const all = (query, from = document) => [...from.querySelectorAll(query)];
  const one = (id) => document.getElementById(id);
  const table = one("sessions");
  const rows = all("tbody tr", table);
  const said = one("said");
  const columns = ["participant_id", "session_id", "rating", "note", "rater", "rated_at", "map"];
  const ratings = new Map();  // number of the row to what was said of it
  let strangers = [];         // rows of a loaded file that are not on this page: kept when saving
  let unsaved = false;
  const place = "pennate-ratings:" + location.pathname;

  function show(row) {
    const r = ratings.get(row.dataset.row);
    const cell = row.querySelector(".rate");
    for (const b of all("button", cell)) b.setAttribute("aria-pressed", String(r?.rating === b.value));
    const note = cell.querySelector("input");
    if (document.activeElement !== note) note.value = r?.note ?? "";
    cell.classList.toggle("old", Boolean(r) && r.map !== row.dataset.map);
  }

  function changed() {
    rows.forEach(show);
    const n = [...ratings.values()].filter((r) => r.rating).length;
    said.textContent = `${n} of ${rows.length} rated${unsaved ? ", not saved" : ""}.`;
    try {
      sessionStorage.setItem(place, JSON.stringify([[...ratings], strangers, one("rater").value, unsaved]));
    } catch { /* a browser may forbid it: ratings are then lost by reloading */ }
    choose();
  }

  function rate(row, rating, note) {
    const who = { participant_id: row.dataset.participant, session_id: row.dataset.session };
    if (!rating && !note) ratings.delete(row.dataset.row);
    else ratings.set(row.dataset.row, {
      ...who, rating, note, rater: one("rater").value.trim(),
      rated_at: new Date().toISOString().slice(0, 19) + "Z", map: row.dataset.map,
    });
    unsaved = true;
    changed();
  }

  for (const row of rows) {
    const cell = row.querySelector(".rate");
    const note = cell.querySelector("input");
    for (const b of all("button", cell)) {
      b.addEventListener("click", () => {
        const again = ratings.get(row.dataset.row)?.rating === b.value;
        rate(row, again ? "" : b.value, note.value.trim());
      });
    }
    note.addEventListener("change", () => {
      rate(row, ratings.get(row.dataset.row)?.rating ?? "", note.value.trim());
    });
  }
  one("rater").addEventListener("change", changed);

  // One line each; a field with a quote is quoted, as tables have it.
  const field = (text) => {
    const flat = String(text || "n/a").replace(/[\t\r\n]+/g, " ");
    return flat.includes('"') ? `"${flat.replaceAll('"', '""')}"` : flat;
  };
  const unquoted = (text) => {
    const plain = /^".*"$/.test(text) ? text.slice(1, -1).replaceAll('""', '"') : text;
    return plain === "n/a" ? "" : plain;
  };

  one("save").addEventListener("click", () => {
    const lines = [...ratings].sort((a, b) => a[0] - b[0]).map(([, r]) => r).concat(strangers)
      .map((r) => columns.map((c) => field(r[c])).join("\t"));
    const text = [columns.join("\t"), ...lines].join("\n") + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/tab-separated-values" }));
    link.download = "group_ratings.tsv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    unsaved = false;
    changed();
  });

  one("load").addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (!file) return;
    const lines = (await file.text()).replace(/^\uFEFF/, "").split(/\r?\n/).filter((line) => line);
    const names = (lines[0] ?? "").split("\t");
    event.target.value = "";
    if (columns.some((c) => !names.includes(c))) {
      said.textContent = `${file.name} is not a file of ratings: it lacks ${columns.filter((c) => !names.includes(c)).join(", ")}.`;
      return;
    }
    const read = lines.slice(1).map((line) => {
      const cells = line.split("\t").map(unquoted);
      return Object.fromEntries(columns.map((c) => [c, cells[names.indexOf(c)] ?? ""]));
    });
    strangers = [];
    let replaced = 0;
    for (const r of read) {
      const session = r.session_id || "n/a";
      const row = rows.find((x) => x.dataset.participant === r.participant_id && x.dataset.session === session);
      if (!row) { strangers.push(r); continue; }
      const before = ratings.get(row.dataset.row);
      if (before && before.rating !== r.rating) replaced += 1;
      ratings.set(row.dataset.row, r);
    }
    changed();
    said.textContent += ` ${read.length} loaded`
      + (replaced ? `, ${replaced} of them replaced another rating` : "")
      + (strangers.length ? `, ${strangers.length} of sessions that are not on this page (kept when you save)` : "") + ".";
  });

  function choose() {
    const text = one("filter").value.trim().toLowerCase();
    const kind = one("show").value;
    for (const row of rows) {
      const r = ratings.get(row.dataset.row)?.rating ?? "";
      const words = [row.cells[0], ...all("td.text:not(.rate)", row)].map((c) => c.textContent).join(" ");
      const fits = words.toLowerCase().includes(text)
        && (kind === "all" || (kind === "far" ? Boolean(row.dataset.far) : kind === "open" ? !r : r === kind));
      row.hidden = !fits;
    }
    const off = new Set(rows.filter((row) => row.hidden).map((row) => row.dataset.row));
    for (const row of all("#quality tbody tr, .first li")) row.hidden = off.has(row.dataset.row);
    for (const p of all("svg .p")) p.classList.toggle("off", off.has(p.dataset.row));
  }
  one("filter").addEventListener("input", choose);
  one("show").addEventListener("change", choose);

  // Numbers by size, the rest by words; what is missing comes last, whichever way.
  for (const head of all("th:has(> .sort)")) {
    head.firstElementChild.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of all("th", head.parentElement)) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = head.closest("table").tBodies[0];
      const key = (row) => row.cells[head.cellIndex].dataset.v ?? row.cells[head.cellIndex].textContent.trim();
      const missing = (v) => v === "" || v === "–";
      const sorted = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        if (missing(x) || missing(y)) return missing(x) - missing(y);
        const byNumber = Number(x) - Number(y);
        const order = Number.isNaN(byNumber) ? x.localeCompare(y, "en", { numeric: true }) : byNumber;
        return up ? order : -order;
      });
      body.append(...sorted);
    });
  }

  // A point tells its name, its session is marked everywhere; arrows go from point to point.
  function mark(point) {
    all(".on").forEach((x) => x.classList.remove("on"));
    one("named").textContent = point?.querySelector("title").textContent ?? "";
    if (point) all(`.p[data-row="${point.dataset.row}"], tr[data-row="${point.dataset.row}"]`).forEach((x) => x.classList.add("on"));
  }
  for (const svg of all("svg.boxes")) {
    const across = (p) => p.getBoundingClientRect().x;
    const points = all(".p", svg);
    points.forEach((p, k) => p.setAttribute("tabindex", k ? "-1" : "0"));
    svg.addEventListener("mouseover", (e) => mark(e.target.closest(".p")));
    svg.addEventListener("focusin", (e) => mark(e.target.closest(".p")));
    svg.addEventListener("focusout", () => mark(null));
    svg.addEventListener("keydown", (e) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
      const now = e.target.closest(".p");
      if (!step || !now) return;
      e.preventDefault();
      const shown = points.filter((p) => !p.classList.contains("off")).sort((a, b) => across(a) - across(b));
      const next = shown[shown.indexOf(now) + step];
      if (!next) return;
      now.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    });
  }

  addEventListener("beforeunload", (e) => { if (unsaved) e.preventDefault(); });
  try {
    const [kept, others, rater, open] = JSON.parse(sessionStorage.getItem(place)) ?? [[], [], "", false];
    kept.forEach(([row, r]) => {
      // Rows may have moved: a rating goes by its session.
      const found = rows.find((x) => x.dataset.participant === r.participant_id && x.dataset.session === (r.session_id || "n/a"));
      if (found) ratings.set(found.dataset.row, r); else others.push(r);
    });
    strangers = others;
    one("rater").value = rater;
    unsaved = open;
  } catch { /* nothing kept */ }
  changed();
})();
