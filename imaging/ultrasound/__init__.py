"""Ultrasound shear-wave elastography: colour frames to stiffness in the space of the scan."""
