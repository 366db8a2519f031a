"""From wave images or ready maps to stiffness."""
