"""From an anatomical image to muscle labels."""
