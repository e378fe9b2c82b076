"""How a touch leaves: each channel returns an Outcome."""
