"""The muscle map as meshes, tracts, glTF and a viewer; reads the muscle map only."""
