// The card beside the pointer: a point's image, its reconstruction and its numbers.

const NEAR = 18; // pixels from the pointer

class Card {
  constructor(root, payload, pictures) {
    Object.assign(this, { root, payload, pictures, row: -1 });
  }

  hide() {
    this.row = -1;
    this.root.hidden = true;
  }

  /**
   * @param i the point
   * @param pictured a point with a picture: i itself, or its nearest neighbour; −1 without
   * @param event where the pointer is
   */
  show(i, pictured, { clientX, clientY, left, bottom }) {
    if (this.row !== i) {
      this.row = i;
      this.root.replaceChildren(...this.content(i, pictured));
    }
    this.root.hidden = false;
    this.root.dataset.row = i;
    const { offsetWidth: width, offsetHeight: height } = this.root;
    const [x, y] = [clientX ?? left, clientY ?? bottom];
    const beside = x + NEAR + width < innerWidth ? x + NEAR : x - NEAR - width;
    const below = y + NEAR + height < innerHeight ? y + NEAR : innerHeight - height - 8;
    this.root.style.transform = `translate(${Math.max(beside, 8)}px, ${Math.max(below, 8)}px)`;
  }

  content(i, pictured) {
    const { index, columns, place, frames } = this.payload;
    const parts = [];
    if (pictured >= 0) {
      const pair = make("div", { className: "pair" }, this.pictures.pair(pictured, 104));
      parts.push(pair);
      if (pictured !== i) {
        const text = `of the nearest neighbour with a picture, no. ${index[pictured]}`;
        parts.push(make("p", { className: "borrowed", text }));
        pair.classList.add("borrowed");
      }
    }
    const rows = [["index", String(index[i])]];
    if (place) {
      const frame = frames.find((one) => one.number === place.frame[i]);
      rows.push(["frame", frame ? frame.title : String(place.frame[i])]);
      rows.push(["centre", `${number(place.row[i], 1)}, ${number(place.column[i], 1)}`]);
    }
    columns.forEach((column) => rows.push([column.title, shown(column, i)]));
    const cells = rows.map(([name, value]) =>
      make("tr", {}, [make("th", { text: name }), make("td", { text: value })]),
    );
    parts.push(make("table", {}, cells));
    return parts;
  }
}

/** A ring around a place in a plot: an element, since Bokeh would draw all points again. */
class Ring {
  constructor({ name }, view) {
    Object.assign(this, { name, view, element: make("div", { className: "ring", hidden: true }) });
    document.getElementById(`plot-${name}`).append(this.element);
  }

  /** Show the ring at a place in the units of the plot; NaN hides it. */
  show(x, y) {
    const { frame } = this.view;
    const [left, top] = [frame.x_scale.compute(x), frame.y_scale.compute(y)];
    this.element.hidden = !(Number.isFinite(left + top) && frame.bbox.contains(left, top));
    this.element.style.translate = `${left}px ${top}px`;
  }
}
