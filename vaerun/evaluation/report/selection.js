// The selected points: their number, classes and pictures.

const MOST_SHOWN = 200;

class Selection {
  constructor(root, { payload, pictures, onHover }) {
    Object.assign(this, { root, payload, pictures, onHover });
    this.grid = root.querySelector(".thumbnails");
    this.count = root.querySelector(".count");
    this.kinds = root.querySelector(".kinds");
    this.save = root.querySelector("button.save");
    this.save.addEventListener("click", () => this.download());
    this.show([], undefined);
  }

  show(rows, coloured) {
    this.rows = rows;
    this.save.hidden = rows.length === 0;
    this.root.classList.toggle("empty", rows.length === 0);
    const pictured = rows.filter((i) => this.pictures?.has(i));
    const listed = pictured.slice(0, MOST_SHOWN);
    this.count.textContent = rows.length ? this.sentence(pictured, listed) : "Nothing is selected.";
    this.kinds.textContent = rows.length && coloured?.kind === "class" ? kinds(rows, coloured) : "";
    this.grid.replaceChildren(...listed.map((i) => this.thumbnail(i)));
  }

  sentence(pictured, listed) {
    const n = this.rows.length;
    const images = `${n.toLocaleString("en")} image${n === 1 ? "" : "s"} selected`;
    if (!this.pictures || listed.length === n) return `${images}.`;
    if (!pictured.length) return `${images}; this page holds no pictures of them.`;
    const held = `${pictured.length.toLocaleString("en")} whose pictures this page holds`;
    const first = listed.length < pictured.length ? `first ${listed.length} of the ` : "";
    return `${images}; the ${first}${held} are shown.`;
  }

  thumbnail(i) {
    const { images, tileOf } = this.pictures;
    const canvas = make("canvas", { width: images.width, height: images.height, tabIndex: 0 });
    canvas.dataset.row = i;
    images.draw(canvas.getContext("2d"), tileOf[i]);
    canvas.addEventListener("pointerenter", (event) => this.onHover(i, event));
    canvas.addEventListener("pointerleave", () => this.onHover(-1));
    canvas.addEventListener("focus", () => this.onHover(i, canvas.getBoundingClientRect()));
    canvas.addEventListener("blur", () => this.onHover(-1));
    return canvas;
  }

  /**
   * Save the selected points as CSV, for data.keep and data.drop: the number of each image among
   * those that the first run was given, the place of a patch in pixels of its file, all columns
   * with six digits, and what the numbers are of.
   */
  download() {
    const { columns, index, place, scales, source } = this.payload;
    const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
    const cell = (column, i) =>
      column.kind === "class" ? quoted(shown(column, i)) : String(+column.values[i].toPrecision(6));
    const inFile = (pixels, frame) => ((pixels + 0.5) / scales[frame] - 0.5).toFixed(2);
    const at = (i, axis) => inFile(place[axis][i], place.frame[i]);
    const placed = (i) => (place ? [place.frame[i], at(i, "row"), at(i, "column")] : []);
    const end = source ? [source] : [];
    const lines = this.rows.map((i) =>
      [index[i], ...placed(i), ...columns.map((column) => cell(column, i)), ...end].join(","),
    );
    const names = ["index", ...(place ? ["frame", "row", "column"] : [])];
    const titles = [...columns.map((c) => quoted(c.title)), ...(source ? ["source"] : [])];
    const text = [[...names, ...titles].join(","), ...lines, ""];
    const url = URL.createObjectURL(new Blob([text.join("\n")], { type: "text/csv" }));
    make("a", { href: url, download: "selection.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }
}

/** Number of points of each class, the most frequent first. */
function kinds(rows, column) {
  const counts = new Map();
  rows.forEach((i) => counts.set(shown(column, i), (counts.get(shown(column, i)) ?? 0) + 1));
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 12);
  const texts = sorted.map(([name, n]) => `${name} ${n.toLocaleString("en")}`);
  return `${column.title}: ${texts.join(" · ")}`;
}
