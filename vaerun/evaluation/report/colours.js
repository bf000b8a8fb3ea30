// Colours of points: palette and limits for Bokeh, and their key for the reader.

const UNKNOWN = "#b4bac2";

/** Palette of a column, and the values of its first and last colour. */
function scaleOf(column, palettes) {
  if (column.kind === "class") {
    const n = column.names.length;
    return { palette: palettes.classes[n], low: -0.5, high: n - 0.5 };
  }
  const [low, high] = column.limits;
  const round = column.kind === "angle" && high - low > 0.99 * column.period;
  return { palette: round ? palettes.round : palettes.value, low, high };
}

/** Values to colour by: class numbers with NaN for −1, unlabelled. */
function colourValues(column) {
  return column.kind === "class" ? column.values.map((v) => (v < 0 ? NaN : v)) : column.values;
}

/** Show the names and colours of the classes, or a colour bar with its limits. */
function drawColourKey(element, column, palettes) {
  const { palette, low, high } = scaleOf(column, palettes);
  const unknown = colourValues(column).some(Number.isNaN);
  const grey = unknown ? [entry(UNKNOWN, "unknown")] : [];
  if (column.kind === "class") {
    element.replaceChildren(...column.names.map((name, j) => entry(palette[j], name)), ...grey);
    return;
  }
  const stops = palette.filter((_, i) => i % 8 === 0 || i === palette.length - 1);
  const bar = make("span", { className: "bar" });
  bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  const unit = column.kind === "angle" ? "°" : "";
  const decimals = column.kind === "angle" && high - low > 10 ? 0 : undefined;
  const [from, to] = [low, high].map((v) => make("span", { text: number(v, decimals) + unit }));
  element.replaceChildren(from, bar, to, ...grey);
}

function entry(colour, name) {
  const swatch = make("i");
  swatch.style.background = colour;
  return make("span", { className: "entry" }, [swatch, name]);
}
