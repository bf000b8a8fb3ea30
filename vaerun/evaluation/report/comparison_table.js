// The table: a row for each run, made once; sorting moves rows, columns are shown by a class.

const PICTURES = [["manifold", "decoded manifold"], ["plane", "latent plane"]];
const AHEAD = "600px"; // pictures this near the window are decoded

class Table {
  constructor(root, { runs, columns }, onSort) {
    Object.assign(this, { root, runs, columns, onSort });
    this.head = root.querySelector("thead");
    this.body = root.querySelector("tbody");
    this.hasChecks = runs.some((run) => run.checks);
    this.hasPictures = runs.some((run) => Object.keys(run.pictures).length);
    this.near = new IntersectionObserver((entries) => this.decode(entries), { rootMargin: AHEAD });
    this.rows = runs.map((run, i) => this.row(run, i));
    this.build();
  }

  /** The head, and the cells of the columns that are shown. */
  build() {
    const shown = this.columns.filter((column) => column.shown);
    const heads = [this.sortable("", "run")];
    if (this.hasChecks) heads.push(this.sortable("checks", "checks"));
    heads.push(...shown.map((column) => this.sortable(column.key, column.title, column)));
    this.head.replaceChildren(make("tr", {}, heads));
    this.rows.forEach((row, i) => {
      row.replaceChildren(row.firstChild, ...this.checks(i), ...shown.map((c) => cell(c, i)));
    });
  }

  sortable(key, title, column) {
    const button = make("button", { type: "button", text: title });
    button.dataset.key = key;
    button.addEventListener("click", () => this.onSort(key));
    const isNumber = column?.values !== undefined;
    return make("th", { scope: "col", className: isNumber ? "number" : "" }, [button]);
  }

  row(run, i) {
    const name = run.report
      ? make("a", { href: run.report, text: run.name })
      : make("span", { text: run.name });
    const pictures = PICTURES.filter(([key]) => run.pictures[key]).map(([key, title]) => {
      const image = make("img", { alt: `${title} of ${run.name}`, title, className: key });
      image.dataset.picture = key;
      return run.report ? make("a", { href: `${run.report}#figures`, tabIndex: -1 }, [image]) : image;
    });
    const parts = [make("div", { className: "name" }, [name])];
    if (pictures.length) parts.push(make("div", { className: "pictures" }, pictures));
    const row = make("tr", {}, [make("th", { scope: "row" }, parts)]);
    row.dataset.run = i;
    if (pictures.length) this.near.observe(row);
    return row;
  }

  checks(i) {
    return this.hasChecks ? [checksCell(this.runs[i].checks)] : [];
  }

  decode(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      this.near.unobserve(target);
      const { pictures } = this.runs[target.dataset.run];
      target.querySelectorAll("img").forEach((img) => (img.src = pictures[img.dataset.picture]));
    }
  }

  /** Show the runs at these positions, in this order. */
  show(order) {
    this.body.replaceChildren(...order.map((i) => this.rows[i]));
    const shown = this.columns.filter((column) => column.shown);
    shown.forEach((column, k) => {
      const at = k + 1 + this.hasChecks;
      const best = bestOf(column, order);
      order.forEach((i) => {
        this.rows[i].children[at].classList.toggle("best", best !== null && column.values[i] === best);
      });
    });
  }

  /** Mark the column that the rows are sorted by. */
  mark(key, rising) {
    this.head.querySelectorAll("th").forEach((th) => {
      if (th.firstChild.dataset.key !== key) th.removeAttribute("aria-sort");
      else th.setAttribute("aria-sort", rising ? "ascending" : "descending");
    });
  }
}

function cell(column, i) {
  const td = make("td", { text: textOf(column, i) });
  if (column.values) td.className = "number";
  td.dataset.title = column.title;
  return td;
}

function textOf(column, i) {
  if (column.texts) return column.texts[i];
  const value = column.values[i];
  if (value === null) return "–";
  return Number.isInteger(value) ? value.toLocaleString("en").replace("-", "−") : number(value);
}

/** "7 of 8", and the titles of those that failed, each with its evidence and what to do. */
function checksCell(checks) {
  const td = make("td", { className: "checks" });
  td.dataset.title = "checks";
  if (!checks) {
    td.textContent = "–";
    return td;
  }
  const { passed, judged, all, failed } = checks;
  const state = failed.length ? "failed" : "passed";
  const left = all > judged ? `, ${all - judged} not judged` : "";
  td.append(make("span", { className: state, text: `${passed} of ${judged}${left}` }));
  failed.forEach(({ title, evidence, mend }) => {
    const more = [evidence, mend].filter(Boolean).map((text) => make("p", { text }));
    const summary = make("summary", { text: title });
    td.append(more.length ? make("details", {}, [summary, ...more]) : make("p", { text: title }));
  });
  return td;
}

/** The best value of a metric among some runs; null if it has no direction or they are alike. */
function bestOf(column, order) {
  if (column.less === undefined || column.less === null) return null;
  const values = order.map((i) => column.values[i]).filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.length < 2 || low === high ? null : column.less ? low : high;
}
