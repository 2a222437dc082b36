"""Chest films: reading them as people look at them, findings by a model, and a folder of results."""
