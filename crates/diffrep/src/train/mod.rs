//! Training: checked plan, loop, EMA, schedule, checkpoints, metrics.
