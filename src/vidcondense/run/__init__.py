"""A condensation from start to finish: the loop, its state, its folder, and what it costs."""
