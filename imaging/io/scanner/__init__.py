"""DICOM of a scanner on its way into a BIDS folder: what each series is, converted by dcm2niix."""
