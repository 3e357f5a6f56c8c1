"""Synthetic LGE short-axis studies with known truth, for the demo, the tests and pretraining."""

from scarnet.phantom.cohort import write_phantom_cohort
from scarnet.phantom.dicom import write_dicom_series
from scarnet.phantom.settings import PhantomSettings
from scarnet.phantom.study import Phantom, make_phantom

__all__ = ["Phantom", "PhantomSettings", "make_phantom", "write_dicom_series", "write_phantom_cohort"]
