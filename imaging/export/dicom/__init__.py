"""The muscle map as DICOM objects in the study of the images it was made from."""
