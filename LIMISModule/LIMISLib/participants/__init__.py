"""Studies with people: a participant's session on a list of cases, and what its folder holds."""
