"""Studies of the interaction: a simulated user beside one of random commands."""
