"""One page per subject and one per group; reads the muscle map only."""
