"""From diffusion-weighted images to tensors."""
