"""What others marked on CT series and wrote as DICOM: segments (SEG) and reports with regions (SR)."""

from benchmark.extras import require_extra

require_extra("dicom", "reading DICOM SEG and SR")
