// The interactive section: one set of points in several linked plots, coloured by a chosen column.

const COORDINATES = {
  plane: ["x", "y"],
  turn: ["turn_x", "turn_y"],
  map: ["map_x", "map_y"],
};

class Explorer {
  /**
   * @param root the section
   * @param payload the page's data
   * @param model returns the Bokeh model of a name
   * @param viewOf returns the Bokeh view of a plot
   */
  constructor(root, payload, model, viewOf) {
    Object.assign(this, { root, payload, model, viewOf });
    this.points = model("points");
    this.plots = Object.keys(COORDINATES).map(model).filter((plot) => plot !== null);
    this.plane = model("plane");
    this.pictures = payload.pictures && new Pictures(payload.pictures, payload.index.length);
    this.card = new Card(root.querySelector(".card"), payload, this.pictures);
    this.frames = model("map") && new Frames(payload, model, root);
    this.rings = this.plots.map((plot) => new Ring(plot, viewOf(plot)));
    this.data = { ...this.turn(), ...this.frames?.coordinates() };
  }

  /** Start when all pictures are loaded. */
  async start() {
    const { root, payload, pictures } = this;
    await pictures?.ready;
    if (payload.manifold) {
      const panel = root.querySelector(".decoded");
      this.decoded = new Decoded(payload.manifold, panel, (at) => this.onManifold(at));
      await this.decoded.ready;
    }
    this.selection = new Selection(root.querySelector(".selection"), {
      payload,
      pictures,
      onHover: (i, event) => (i < 0 ? this.leave() : this.point(i, event)),
    });
    this.choices();
    this.plots.forEach((plot) => this.listen(plot));
    this.points.selected.properties.indices.change.connect(() => this.list());
    this.button("clear").addEventListener("click", () => (this.points.selected.indices = []));
    this.colour();
    this.place();
    this.update();
    this.frames?.show();
    this.decoded?.choose(0);
    this.decoded?.show(...this.decoded.at);
    applyPageColours(this.plots);
    allowPausesInDrags(this.viewOf(this.plane));
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => applyPageColours(this.plots));
    printAsPictures(this.plots, this.viewOf);
    root.dataset.ready = "yes";
  }

  button(name) {
    return this.root.querySelector(`button.${name}`);
  }

  select(name) {
    return this.root.querySelector(`select[name=${name}]`);
  }

  column(name) {
    return this.payload.named.get(name);
  }

  // -- coordinates and colours of the points -----------------------------------------------------

  /** Coordinates for the plot of encoded against true angle, if there is one. */
  turn() {
    const plot = this.model("turn");
    if (!plot) return {};
    const [truth, angle] = ["true_angle", "angle"].map((name) => this.column(name));
    setRange(plot.x_range, ...ends(truth.values));
    setRange(plot.y_range, -angle.period / 2, angle.period / 2);
    plot.below[0].axis_label = "true angle (°)";
    plot.left[0].axis_label = "encoded angle (°)";
    return { turn_x: truth.values, turn_y: angle.values };
  }

  choices() {
    const { columns, axes, colour } = this.payload;
    const title = (column) => [column.name, column.title];
    fill(this.select("colour"), columns.map(title));
    this.select("colour").value = colour;
    this.select("colour").addEventListener("change", () => {
      this.colour();
      this.update();
      this.list();
    });
    for (const axis of ["x", "y"]) {
      fill(this.select(axis), columns.filter(({ kind }) => kind !== "class").map(title));
      this.select(axis).value = axes[axis];
      this.select(axis).addEventListener("change", () => {
        this.place();
        this.update();
      });
    }
  }

  colour() {
    const column = this.column(this.select("colour").value);
    const { palette, low, high } = scaleOf(column, this.payload.palettes);
    this.model("mapper").setv({ palette, low, high, nan_color: UNKNOWN });
    this.data.colour = colourValues(column);
    drawColourKey(this.root.querySelector(".colour-key"), column, this.payload.palettes);
  }

  place() {
    const bokehAxes = { x: this.plane.below[0], y: this.plane.left[0] };
    for (const axis of ["x", "y"]) {
      const column = this.column(this.select(axis).value);
      this.data[axis] = column.values;
      setRange(this.plane[`${axis}_range`], ...ends(column.values));
      bokehAxes[axis].axis_label = plain(column.title);
    }
    // the pointer selects a content only if both axes are the decoded dimensions
    this.decodes = this.decoded?.axes.every(({ name }, k) => name === this.select("xy"[k]).value);
  }

  update() {
    this.points.data = { ...this.data };
  }

  // -- the pointer --------------------------------------------------------------------------------

  listen(plot) {
    const [x, y] = COORDINATES[plot.name];
    const element = document.getElementById(`plot-${plot.name}`);
    let pointer = { clientX: 0, clientY: 0 };
    element.addEventListener("pointermove", (event) => (pointer = event), { capture: true });
    const move = atMostEachFrame((event) => {
      const rows = plot.name === "map" ? this.frames.filter.indices : undefined;
      const [all, scale] = [this.data, pixelsPerUnit(plot)];
      const { row, pixels } = closest(event.x, event.y, all[x], all[y], scale, rows);
      if (plot === this.plane && this.decodes && row >= 0) this.decodeAt(row, event.x, event.y);
      if (pixels > NEAR) this.leave();
      else this.point(row, pointer, plot !== this.plane);
    });
    plot.on_event("mousemove", move);
    plot.on_event("tap", move);
    element.addEventListener("pointerleave", () => setTimeout(() => this.leave(), 50));
  }

  /** Show a point in every plot, on the card and, if asked for, as decoded from its content. */
  point(i, event, decode = true) {
    const { x, y } = this.data;
    const pictured = this.pictures?.nearest(i, x, y, pixelsPerUnit(this.plane)) ?? -1;
    this.card.show(i, pictured, event);
    for (const ring of this.rings) {
      const hidden = ring.name === "map" && !this.frames.holds(i);
      ring.show(...COORDINATES[ring.name].map((name) => (hidden ? NaN : this.data[name][i])));
    }
    if (decode && this.decoded) {
      const at = this.decoded.axes.map(({ name }) => this.column(name).values[i]);
      this.decodeAt(i, ...at);
    }
  }

  leave() {
    this.card.hide();
    this.rings.forEach((ring) => ring.show(NaN, NaN));
  }

  /** Show the image decoded at a content, for the class of point i if the box is checked. */
  decodeAt(i, u, v = 0) {
    const column = this.column(this.decoded.follows);
    const follow = this.root.querySelector("input[name=follow]")?.checked;
    if (column && follow) this.decoded.choose(column.values[i]);
    this.decoded.show(u, v);
  }

  /** Show the content under the pointer on the overview. */
  onManifold([u, v = 0]) {
    this.decoded.show(u, v);
    if (this.decodes) this.rings.find(({ name }) => name === "plane").show(u, v);
  }

  // -- selection ----------------------------------------------------------------------------------

  list() {
    const rows = this.points.selected.indices;
    this.selection.show(rows, this.column(this.select("colour").value));
    this.button("clear").hidden = rows.length === 0;
    this.frames?.label(rows);
  }
}

async function explore() {
  const root = document.getElementById("explore");
  const { docs, items } = JSON.parse(document.getElementById("explorer-plots").textContent);
  const [views] = await Bokeh.embed.embed_items(docs, items);
  const bokehDocument = Bokeh.documents.at(-1);
  const model = (name) => bokehDocument.get_model_by_name(name);
  const viewOf = (plot) => views.get_one(plot);
  await new Explorer(root, readPayload(), model, viewOf).start();
}

explore();
