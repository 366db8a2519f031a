"""A given OpenSim model with the person's own architecture, and what it does in a motion."""
