"""CC-Metrics: a segmentation scored lesion by lesion (thesis, chapter 5)."""
