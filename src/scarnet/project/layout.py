"""Where the parts of a project are, relative to its folder: a moved project finds all of them."""

__all__ = [
    "ANNOTATORS",
    "CASES",
    "CASE_FILE",
    "DATASET",
    "IMAGE",
    "JOBS",
    "LABELS",
    "LOG_FILE",
    "MODELS",
    "PREDICTION",
    "PROJECT_FILE",
    "REMOVED",
]

PROJECT_FILE = "project.json"
LOG_FILE = "log.jsonl"

CASES = "cases"
CASE_FILE = "case.json"
IMAGE = "image.nii.gz"
LABELS = "labels.nii.gz"
PREDICTION = "prediction"
ANNOTATORS = "annotators"

MODELS = "models"
JOBS = "jobs"
REMOVED = "removed"

DATASET = "Dataset001_Accepted"
"""The accepted cases; with the project's folder for ``nnUNet_raw`` this is nnU-Net's dataset 1."""
