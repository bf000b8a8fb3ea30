// The real-space map: one frame at a time, with its patches as points.

class Frames {
  /**
   * @param payload the page's data
   * @param model returns the Bokeh model of a name
   * @param root the section
   */
  constructor(payload, model, root) {
    Object.assign(this, { payload, plot: model("map"), root });
    this.filter = model("on_frame");
    this.picture = model("picture");
    this.select = root.querySelector("select[name=frame]");
    this.label([]);
    this.select.addEventListener("change", () => this.show());
    const { inner_width, inner_height } = this.plot.properties;
    [inner_width, inner_height].forEach((size) => size.change.connect(() => this.fit()));
    const { start, end } = this.plot.x_range.properties;
    const drawScale = atMostEachFrame(() => this.drawScale());
    [start, end].forEach((side) => side.change.connect(drawScale));
  }

  /** Positions of all points, in nm (or pixels) of their own frame. */
  coordinates() {
    const { frame, row, column } = this.payload.place;
    const sides = new Map(this.payload.frames.map((one) => [one.number, one.pixel]));
    const at = (values) => values.map((value, i) => (value + 0.5) * (sides.get(frame[i]) ?? NaN));
    return { map_x: at(column), map_y: at(row) };
  }

  get current() {
    const wanted = Number(this.select.value);
    return this.payload.frames.find((frame) => frame.number === wanted);
  }

  holds(i) {
    return this.payload.place.frame[i] === this.current.number;
  }

  /** Fill the list of frames, each with the number of selected points on it. */
  label(points) {
    const { frames, place } = this.payload;
    const counts = new Map();
    points.forEach((i) => counts.set(place.frame[i], (counts.get(place.frame[i]) ?? 0) + 1));
    const value = this.select.value || this.payload.frame;
    fill(this.select, frames.map(({ number: key, title }) => {
      const n = counts.get(key);
      return [key, n ? `${title} (${n.toLocaleString("en")} selected)` : title];
    }));
    this.select.value = value;
  }

  show() {
    const { url, width, height, pixel } = this.current;
    const indices = [];
    this.payload.place.frame.forEach((_, i) => this.holds(i) && indices.push(i));
    this.filter.setv({ indices });
    this.picture.data = { url: [url], width: [width * pixel], height: [height * pixel] };
    this.fit();
  }

  /** Fit the frame into the plot, undistorted, its first row at the top. */
  fit() {
    const { inner_width, inner_height, x_range, y_range } = this.plot;
    if (!(inner_width > 0 && inner_height > 0)) return;
    const { width, height, pixel } = this.current;
    const unit = Math.max(width / inner_width, height / inner_height) * pixel;
    const [x, y] = [inner_width * unit, inner_height * unit];
    const [left, top] = [(width * pixel - x) / 2, (height * pixel - y) / 2];
    setRange(x_range, left, left + x);
    setRange(y_range, top + y, top);
  }

  drawScale() {
    const { inner_width, x_range } = this.plot;
    const bar = this.root.querySelector(".scale");
    const unit = (x_range.end - x_range.start) / inner_width;
    const most = 0.22 * inner_width * unit;
    const power = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].map((k) => k * power).find((k) => k <= most * (1 + 1e-9));
    bar.style.width = `${length / unit}px`;
    bar.textContent = `${+length.toPrecision(1)} ${this.payload.unit}`;
  }
}
