"""What Pennate takes in and writes: one adapter per format or input, one writer per stage."""
