// Ranges, labels and colours of the Bokeh plots.

/** Limits of an axis: the values without the last 0.05 % at each end, and a margin. */
function ends(values) {
  const finite = values.filter(Number.isFinite).sort();
  const at = (share) => finite[Math.round(share * (finite.length - 1))];
  const [low, high] = [at(0.0005), at(0.9995)];
  const room = 0.05 * (high - low) || 1;
  return [low - room, high + room];
}

function setRange(range, low, high) {
  range.setv({ start: low, end: high, reset_start: low, reset_end: high });
}

/** A label without TeX marks, for which Bokeh would fetch MathJax from the network. */
function plain(title) {
  return title.replaceAll("$", "＄").replaceAll("\\", "＼");
}

/** Screen pixels per unit along x and y. */
function pixelsPerUnit({ x_range, y_range, inner_width, inner_height }) {
  return [inner_width / (x_range.end - x_range.start), inner_height / (y_range.end - y_range.start)];
}

/** Set labels and lines to the colours of the page, light or dark. */
function applyPageColours(plots) {
  const style = getComputedStyle(document.documentElement);
  const [ink, soft, line] = ["--ink", "--soft", "--line"].map((name) =>
    style.getPropertyValue(name).trim(),
  );
  for (const axis of plots.flatMap((plot) => [...plot.below, ...plot.left])) {
    axis.setv({
      axis_label_text_color: ink,
      major_label_text_color: soft,
      axis_line_color: line,
      major_tick_line_color: line,
    });
  }
  for (const grid of plots.flatMap((plot) => plot.center)) {
    if ("grid_line_color" in grid) grid.setv({ grid_line_color: line });
  }
}

/** Keep a pause before a drag from counting as a long press, by way of Bokeh's private parts. */
function allowPausesInDrags(view) {
  const gestures = view.canvas_view?.ui_event_bus?.ui_gestures;
  if (gestures) gestures.constructor.press_threshold = 60_000; // ms
}

/** Print a picture of each plot: the plot itself keeps its size on the screen. */
function printAsPictures(plots, viewOf) {
  addEventListener("beforeprint", () => {
    for (const plot of plots) {
      const { canvas } = viewOf(plot).export("auto", true);
      canvas.className = "printed";
      canvas.removeAttribute("style");
      document.getElementById(`plot-${plot.name}`).append(canvas);
    }
  });
  addEventListener("afterprint", () =>
    document.querySelectorAll("canvas.printed").forEach((canvas) => canvas.remove()),
  );
}

/** A function that calls with the latest arguments, at most once a frame of the screen. */
function atMostEachFrame(call) {
  let last = null;
  return (...given) => {
    if (last === null) {
      requestAnimationFrame(() => {
        const now = last;
        last = null;
        call(...now);
      });
    }
    last = given;
  };
}
