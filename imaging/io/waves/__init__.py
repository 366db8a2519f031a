"""Wave images of elastography: NIfTI with JSON, DICOM folders, the BIOQIC phantom."""
