// Images decoded by Python on a grid of contents; between grid points they are interpolated.

const MOST_ACROSS = 11; // images along a side of the overview
const GAP = 3; // pixels between them

class Decoded {
  /**
   * @param manifold the decoded images and their axes
   * @param root the panel
   * @param onMove called with the content under the pointer on the overview
   */
  constructor(manifold, root, onMove) {
    Object.assign(this, manifold);
    this.sheet = new Sheet(manifold.sheet);
    this.ready = this.sheet.ready;
    this.chosen = 0;
    this.large = root.querySelector(".large");
    [this.large.width, this.large.height] = [this.sheet.width, this.sheet.height];
    this.where = root.querySelector(".where");
    this.map = root.querySelector(".grid");
    this.background = make("canvas"); // the overview without the ring
    this.classes = this.names.length > 1 ? this.makeClasses(root.querySelector(".classes")) : [];
    this.map.addEventListener("pointermove", (event) => onMove(this.under(event)));
    this.at = [0, 1].map((k) => (this.axes[k] ? (this.axes[k].low + this.axes[k].high) / 2 : 0));
  }

  /** One small picture for each class; a click selects the one that is shown large. */
  makeClasses(root) {
    return this.names.map((name, j) => {
      const canvas = make("canvas", { width: this.sheet.width, height: this.sheet.height });
      const button = make("button", { type: "button", title: name }, [
        canvas,
        make("span", { text: name }),
      ]);
      button.addEventListener("click", () => this.choose(j));
      root.append(button);
      return { button, canvas };
    });
  }

  choose(j) {
    if (j < 0 || j >= this.names.length) return;
    this.chosen = j;
    this.drawMap();
    this.show(...this.at);
  }

  /** Show the images at a content for every class, the chosen one large. */
  show(u, v) {
    this.at = [u, v];
    const [column, row] = [this.place(0, u), this.place(1, v)];
    this.blend(this.large, this.chosen, column, row);
    this.classes.forEach(({ button, canvas }, j) => {
      this.blend(canvas, j, column, row);
      button.setAttribute("aria-pressed", String(j === this.chosen));
    });
    const names = this.axes.map((axis, k) => `${axis.name} ${number([u, v][k])}`);
    const outside = this.axes.some(({ low, high }, k) => [u, v][k] < low || [u, v][k] > high);
    const name = this.names.length > 1 ? [this.names[this.chosen]] : [];
    const edge = outside ? ["outside the range of the data: its edge is shown"] : [];
    this.where.textContent = [...name, ...names, ...edge].join(" · ");
    this.drawMap([column, row]);
  }

  /** Grid points on either side along axis k, and the share of the way between them. */
  place(k, value) {
    const axis = this.axes[k];
    if (!axis) return { first: 0, second: 0, share: 0, at: 0 };
    const at = Math.min(Math.max((value - axis.low) / (axis.high - axis.low), 0), 1) * (axis.n - 1);
    const first = Math.min(Math.floor(at), axis.n - 1);
    return { first, second: Math.min(first + 1, axis.n - 1), share: at - first, at };
  }

  blend(canvas, j, column, row) {
    const context = canvas.getContext("2d");
    context.globalCompositeOperation = "copy";
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = "lighter"; // colours add up
    for (const [r, down] of [[row.first, 1 - row.share], [row.second, row.share]]) {
      for (const [c, across] of [[column.first, 1 - column.share], [column.second, column.share]]) {
        if (down * across > 0) this.sheet.draw(context, this.tile(j, r, c), down * across);
      }
    }
    context.globalCompositeOperation = "source-over";
  }

  tile(j, row, column) {
    const [columns, rows] = this.counts();
    return (j * rows + row) * columns + column;
  }

  counts() {
    return [this.axes[0].n, this.axes[1]?.n ?? 1];
  }

  /** Draw the overview of the chosen class, second dimension upwards, with a ring at a place. */
  drawMap(place) {
    if (this.drawn !== this.chosen) this.drawBackground();
    const { width, height } = this.map;
    const context = this.map.getContext("2d");
    context.clearRect(0, 0, width, height);
    context.drawImage(this.background, 0, 0);
    if (!place) return;
    const [columns, rows] = this.counts();
    context.lineWidth = width / 110;
    context.strokeStyle = "#e42536";
    context.beginPath();
    const [x, y] = [(place[0].at + 0.5) / columns, 1 - (place[1].at + 0.5) / rows];
    context.arc(x * width, y * height, width / 40, 0, 2 * Math.PI);
    context.stroke();
  }

  drawBackground() {
    const [columns, rows] = this.counts();
    const [across, down] = [Math.min(columns, MOST_ACROSS), Math.min(rows, MOST_ACROSS)];
    const [width, height] = [this.sheet.width, this.sheet.height].map((side) => side + GAP);
    for (const canvas of [this.map, this.background]) {
      [canvas.width, canvas.height] = [across * width, down * height];
    }
    const context = this.background.getContext("2d");
    const gridPoint = (k, shown, all) => Math.round(((k + 0.5) / shown) * all - 0.5);
    for (let r = 0; r < down; r++) {
      for (let c = 0; c < across; c++) {
        const tile = this.tile(this.chosen, gridPoint(r, down, rows), gridPoint(c, across, columns));
        const y = (down - 1 - r) * height;
        this.sheet.drawAt(context, tile, c * width, y, width - GAP, height - GAP);
      }
    }
    this.drawn = this.chosen;
  }

  /** The content under the pointer on the overview. */
  under({ offsetX, offsetY }) {
    const shares = [offsetX / this.map.clientWidth, 1 - offsetY / this.map.clientHeight];
    return this.axes.map(({ low, high, n }, k) => {
      const at = Math.min(Math.max(shares[k] * n - 0.5, 0), n - 1);
      return low + (at / Math.max(n - 1, 1)) * (high - low);
    });
  }
}
