"""What muscle is made of: fat fraction from Dixon images, T2 from spin echoes."""
