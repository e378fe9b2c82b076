"""A simulated mail world and a stepping clock, shared by the demo and the simulation."""
