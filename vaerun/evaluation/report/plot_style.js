// Bokeh's plots as this page wants them: their ranges, labels and colours.

/** Nearly all of the values, with room around them. */
function ends(values) {
  const known = values.filter(Number.isFinite).sort();
  const at = (share) => known[Math.round(share * (known.length - 1))];
  const [low, high] = [at(0.0005), at(0.9995)];
  const room = 0.05 * (high - low) || 1;
  return [low - room, high + room];
}

function setRange(range, low, high) {
  range.setv({ start: low, end: high, reset_start: low, reset_end: high });
}

/** A label that Bokeh takes as it is: for what looks like TeX it would fetch MathJax. */
function plain(title) {
  return title.replaceAll("$", "＄").replaceAll("\\", "＼");
}

/** Pixels of the screen for a unit along x and y. */
function pixelsPerUnit({ x_range, y_range, inner_width, inner_height }) {
  return [inner_width / (x_range.end - x_range.start), inner_height / (y_range.end - y_range.start)];
}

/** Ink and lines in the colours of the page, light or dark. */
function dress(plots) {
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

/** A pause before a drag is no long press, which would end it; not of Bokeh's public interface. */
function forgivePauses(view) {
  const gestures = view.canvas_view?.ui_event_bus?.ui_gestures;
  if (gestures) gestures.constructor.press_threshold = 60_000; // ms
}

/** On paper a plot keeps the size it had on the screen, so a picture of it is printed instead. */
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

/** Call with the last arguments, once a frame of the screen at most. */
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
