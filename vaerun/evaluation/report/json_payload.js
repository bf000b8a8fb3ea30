// The data that Python packed: columns of numbers by name, one value for each point.

/** Numbers from the text of packing.pack: low + step × code, NaN where unknown. */
function unpack({ type, low, step, data, nan }) {
  const raw = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
  const Codes = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array }[type];
  const codes = new Codes(raw.buffer);
  const values = new Float64Array(codes.length);
  for (let i = 0; i < codes.length; i++) {
    values[i] = codes[i] === nan ? NaN : low + step * codes[i];
  }
  return values;
}

/** The page's data, its columns unpacked and looked up by name. */
function readPayload() {
  const payload = JSON.parse(document.getElementById("explorer-data").textContent);
  payload.index = unpack(payload.index);
  payload.columns.forEach((column) => (column.values = unpack(column.values)));
  payload.named = new Map(payload.columns.map((column) => [column.name, column]));
  if (payload.place) {
    Object.keys(payload.place).forEach((k) => (payload.place[k] = unpack(payload.place[k])));
  }
  if (payload.pictures) payload.pictures.rows = unpack(payload.pictures.rows);
  return payload;
}

/** A value as text: a class by its name, an angle in degrees. */
function shown(column, i) {
  const value = column.values[i];
  if (column.kind === "class") return column.names[value] ?? "unknown";
  if (!Number.isFinite(value)) return "unknown";
  return column.kind === "angle" ? `${number(value, 1)}°` : number(value);
}

function number(value, decimals) {
  if (decimals === undefined) {
    const size = Math.abs(value);
    if (size > 0 && size < 1e-3) return value.toExponential(1).replaceAll("-", "−");
    decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4;
  }
  return value.toFixed(decimals).replace(/^-0(\.0+)?$/, "0$1").replace("-", "−");
}

/** An element with text and children; text never becomes markup. */
function make(tag, { text, ...properties } = {}, children = []) {
  const element = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

/** Choices of a select: [value, text] pairs, or groups of them under a heading. */
function fill(select, choices) {
  select.replaceChildren(...choices.map(([value, text]) => make("option", { value, text })));
}
