"""Which score has which colour in the studies' figures."""

# Standard metrics orange and CC-Metrics blue, as in the thesis; colour-blind readers tell all of these apart as well.
STANDARD, CC, PANOPTIC, LESION_WISE, HINT = "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#7a7a7a"
