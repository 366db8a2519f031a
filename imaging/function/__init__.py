"""From EMG, force plates and events to activation."""
