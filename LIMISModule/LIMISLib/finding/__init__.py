"""From a structure's name to a box in a CT that has no labels: networks that find organs, and how they are trained."""
