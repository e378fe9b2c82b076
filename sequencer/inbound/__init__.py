"""How answers come in: readers that yield raw mail and cursors."""
