// Which runs are shown, and in which order.

const COMPARISON = /^([^<>=!]+)(<=|>=|!=|=|<|>)(.+)$/;
const COMPARES = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

/**
 * Positions of the runs of which every word of a text is true, and the words that name no column.
 * A word is a comparison, such as seed=0 or loss<150, or is in the run's name or settings.
 */
function filtered(text, runs, columns) {
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const unknown = [];
  const tests = words.map((word) => {
    const [, name, sign, value] = COMPARISON.exec(word) ?? [];
    if (!name) return (i) => haystack(i, runs, columns).includes(word);
    const column = columnOf(name, columns);
    if (!column) unknown.push(name);
    return column ? (i) => compares(column, sign, value, i) : () => true;
  });
  const order = runs.map((_, i) => i).filter((i) => tests.every((test) => test(i)));
  return { order, unknown };
}

/** The column of a name: its key or title, else the first whose key or title has the name in it. */
function columnOf(name, columns) {
  const names = ({ key, title }) => [key, key.split(".").at(-1), title].map((n) => n.toLowerCase());
  return (
    columns.find((column) => names(column).includes(name)) ??
    columns.find((column) => column.shown && names(column).some((one) => one.includes(name))) ??
    columns.find((column) => names(column).some((one) => one.includes(name)))
  );
}

function compares(column, sign, value, i) {
  const numeric = column.values && value !== "" && Number.isFinite(Number(value));
  if (!numeric) return COMPARES[sign](textOf(column, i).toLowerCase(), value);
  return column.values[i] !== null && COMPARES[sign](column.values[i], Number(value));
}

function haystack(i, runs, columns) {
  runs[i].words ??= [runs[i].name, ...columns.filter((c) => c.texts).map((c) => c.texts[i])]
    .concat(runs[i].checks?.failed.map(({ title }) => title) ?? [])
    .join(" ")
    .toLowerCase();
  return runs[i].words;
}

/** Positions in the order of a column, those without a value last; "" is the order of the names. */
function sorted(order, key, rising, runs, columns) {
  const column = columns.find((one) => one.key === key);
  const valueOf = (i) => {
    if (key === "checks") return runs[i].checks ? -runs[i].checks.failed.length : null;
    if (column?.values) return column.values[i];
    return column ? column.texts[i] : i;
  };
  const collator = new Intl.Collator("en", { numeric: true });
  const compare = (a, b) => (typeof a === "number" ? a - b : collator.compare(a, b));
  const missing = (value) => value === null || value === "–";
  return [...order].sort((i, j) => {
    const [a, b] = [valueOf(i), valueOf(j)];
    if (missing(a) || missing(b)) return missing(a) - missing(b) || i - j;
    return (rising ? 1 : -1) * compare(a, b) || i - j;
  });
}
