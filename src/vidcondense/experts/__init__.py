"""Expert trajectories: weights of networks after every epoch of training on real clips (MTT)."""
