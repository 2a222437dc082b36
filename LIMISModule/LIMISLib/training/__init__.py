"""Trainings of LIMIS's own networks; what needs torch imports it where it is used."""
