"""The figures of the review made again: which runs belong to each, the drawing, the page."""
