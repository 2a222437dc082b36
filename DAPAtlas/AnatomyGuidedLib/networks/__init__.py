"""Networks in plain torch; importing one of these files imports torch, so that only what runs a network does it."""
