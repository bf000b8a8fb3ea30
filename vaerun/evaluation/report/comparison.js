// The page of many runs: what its controls do to the table.

class Comparison {
  constructor(data) {
    this.data = data;
    this.form = document.querySelector(".controls");
    this.hint = document.querySelector(".hint");
    this.key = "";
    this.rising = true;
    this.table = new Table(document.querySelector(".runs"), data, (key) => this.sortBy(key));
    this.element("filter").addEventListener("input", () => this.update());
    this.element("sort").addEventListener("change", ({ target }) => this.sortBy(target.value));
    this.form.querySelector(".turn").addEventListener("click", () => this.sortBy(this.key));
    this.choices();
    this.update();
    document.body.dataset.ready = "yes";
  }

  element(name) {
    return this.form.elements[name];
  }

  choices() {
    const { columns } = this.data;
    const list = this.form.querySelector(".list");
    list.replaceChildren(
      ...columns.map((column) => {
        const box = make("input", { type: "checkbox", checked: column.shown });
        box.addEventListener("change", () => {
          column.shown = box.checked;
          this.table.build();
          this.sortable();
          this.update();
        });
        return make("label", {}, [box, column.title]);
      }),
    );
    this.form.querySelector(".choose").hidden = columns.length === 0;
    this.sortable();
  }

  sortable() {
    const shown = this.data.columns.filter((column) => column.shown);
    const checks = this.table.hasChecks ? [["checks", "checks"]] : [];
    fill(this.element("sort"), [["", "run"], ...checks, ...shown.map((c) => [c.key, c.title])]);
    this.element("sort").value = this.key;
  }

  /** Sort by a column, a metric from its best value on; the same again reverses the order. */
  sortBy(key) {
    const column = this.data.columns.find((one) => one.key === key);
    this.rising = key === this.key ? !this.rising : column?.less !== false;
    this.key = key;
    this.element("sort").value = key;
    this.update();
  }

  update() {
    const { runs, columns } = this.data;
    const { order, unknown } = filtered(this.element("filter").value, runs, columns);
    this.table.show(sorted(order, this.key, this.rising, runs, columns));
    this.table.mark(this.key, this.rising);
    this.form.querySelector(".turn").textContent = this.rising ? "↑" : "↓";
    const all = runs.length.toLocaleString("en");
    const some = order.length === runs.length ? all : `${order.length.toLocaleString("en")} of ${all}`;
    this.form.querySelector(".count").textContent = `${some} runs`;
    this.hint.hidden = unknown.length === 0;
    this.hint.textContent = `No column is called ${unknown.join(", ")}.`;
  }
}

new Comparison(JSON.parse(document.getElementById("runs-data").textContent));
