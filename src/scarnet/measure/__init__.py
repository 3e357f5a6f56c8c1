"""Scar measures: volumes, thresholds, transmurality, the 17 segments, and how far to trust them."""

from scarnet.measure.chords import Chords
from scarnet.measure.components import drop_small
from scarnet.measure.grey_zone import GreyZone, grey_zone
from scarnet.measure.insertion import Insertion, InsertionAngles, insertion_at_patient
from scarnet.measure.no_reflow import enclosed_dark
from scarnet.measure.orientation import Orientation, find_orientation
from scarnet.measure.polar import unwrap
from scarnet.measure.remote import Remote, find_remote, remote_from_mask
from scarnet.measure.segments import LEVELS, SEGMENT_NAMES
from scarnet.measure.settings import MeasureSettings
from scarnet.measure.study import StudyMeasures, measure_study
from scarnet.measure.thresholds import ThresholdScar, fwhm, gaussian_mixture, n_sd, otsu, threshold_scar
from scarnet.measure.uncertainty import noise_intervals, probability_intervals
from scarnet.measure.volumes import MYOCARDIAL_DENSITY_G_PER_ML, measure_labels
from scarnet.measure.wall import wall_mask

__all__ = [
    "LEVELS",
    "MYOCARDIAL_DENSITY_G_PER_ML",
    "SEGMENT_NAMES",
    "Chords",
    "GreyZone",
    "Insertion",
    "InsertionAngles",
    "MeasureSettings",
    "Orientation",
    "Remote",
    "StudyMeasures",
    "ThresholdScar",
    "drop_small",
    "enclosed_dark",
    "find_orientation",
    "find_remote",
    "fwhm",
    "gaussian_mixture",
    "grey_zone",
    "insertion_at_patient",
    "measure_labels",
    "measure_study",
    "n_sd",
    "noise_intervals",
    "otsu",
    "probability_intervals",
    "remote_from_mask",
    "threshold_scar",
    "unwrap",
    "wall_mask",
]
