// Pictures of points: many small images in one file, drawn by their number.

class Sheet {
  constructor({ url, columns, n, width, height }) {
    Object.assign(this, { columns, n, width, height });
    this.ready = this.load(url);
  }

  /** Decode once into a bitmap: a browser may drop the pixels of an img and decode it again. */
  async load(url) {
    const image = make("img", { src: url });
    await image.decode();
    this.image = await createImageBitmap(image);
  }

  /** Draw tile i over a whole canvas. */
  draw(context, i, opacity = 1) {
    const { width, height } = context.canvas;
    this.drawAt(context, i, 0, 0, width, height, opacity);
  }

  drawAt(context, i, x, y, width, height, opacity = 1) {
    const column = i % this.columns;
    const row = Math.floor(i / this.columns);
    context.globalAlpha = opacity;
    context.drawImage(
      this.image, column * this.width, row * this.height, this.width, this.height,
      x, y, width, height,
    );
    context.globalAlpha = 1;
  }
}

class Pictures {
  constructor({ rows, images, reconstructions }, n) {
    this.rows = rows;
    this.images = new Sheet(images);
    this.reconstructions = new Sheet(reconstructions);
    this.ready = Promise.all([this.images.ready, this.reconstructions.ready]);
    this.tileOf = new Int32Array(n).fill(-1);
    rows.forEach((row, tile) => (this.tileOf[row] = tile));
  }

  has(i) {
    return this.tileOf[i] >= 0;
  }

  /** The nearest point to point i that has a picture; i itself if it has one. */
  nearest(i, x, y, scale) {
    if (this.has(i)) return i;
    return closest(x[i], y[i], x, y, scale, this.rows).row;
  }

  /** Image and reconstruction of a point that has a picture, beside each other. */
  pair(i, size) {
    return [["image", this.images], ["reconstruction", this.reconstructions]].map(
      ([name, sheet]) => {
        const canvas = make("canvas", { width: sheet.width, height: sheet.height });
        canvas.style.width = `${size}px`;
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${name} of point ${i}`);
        sheet.draw(canvas.getContext("2d"), this.tileOf[i]);
        return make("figure", {}, [canvas, make("figcaption", { text: name })]);
      },
    );
  }
}

/** The nearest of some rows (or of all) to (x0, y0); scale: pixels per unit of x and y. */
function closest(x0, y0, x, y, scale, rows) {
  let row = -1;
  let best = Infinity;
  const n = rows ? rows.length : x.length;
  for (let k = 0; k < n; k++) {
    const i = rows ? rows[k] : k;
    const distance = ((x[i] - x0) * scale[0]) ** 2 + ((y[i] - y0) * scale[1]) ** 2;
    if (distance < best) [row, best] = [i, distance];
  }
  return { row, pixels: Math.sqrt(best) };
}
