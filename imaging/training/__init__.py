"""Training of the segmentation network from synthetic images of label maps."""
