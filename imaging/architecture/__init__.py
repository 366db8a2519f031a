"""From tensors and muscle boundaries to fascicles and their measures."""
