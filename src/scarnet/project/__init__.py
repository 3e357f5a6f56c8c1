"""Projects: a cohort's cases, labels, predictions and models in a folder. Importing this loads no torch."""

from scarnet.project.annotators import WORKING, AnnotatorComparison, compare_annotators
from scarnet.project.importing import export_labels, import_labels, import_stack, import_study
from scarnet.project.label_versions import DamagedLabelsError
from scarnet.project.layout import DATASET
from scarnet.project.merging import Region, Regions, disagreement_regions, merge_regions
from scarnet.project.models import add_model, discard, model_card, model_path, promote, roll_back, why_kept
from scarnet.project.predicting import PredictReport, cases_to_predict, keep_prediction, predict_cases
from scarnet.project.project import Project
from scarnet.project.queue import ORDERS, Order, next_case, order_cases
from scarnet.project.record import STATUSES, CaseRow, Status
from scarnet.project.review_log import LogEntry
from scarnet.project.state import ModelRecord, ModelState

__all__ = [
    "DATASET",
    "ORDERS",
    "STATUSES",
    "WORKING",
    "AnnotatorComparison",
    "CaseRow",
    "DamagedLabelsError",
    "LogEntry",
    "ModelRecord",
    "ModelState",
    "Order",
    "PredictReport",
    "Project",
    "Region",
    "Regions",
    "Status",
    "add_model",
    "cases_to_predict",
    "compare_annotators",
    "disagreement_regions",
    "discard",
    "export_labels",
    "import_labels",
    "import_stack",
    "import_study",
    "keep_prediction",
    "merge_regions",
    "model_card",
    "model_path",
    "next_case",
    "order_cases",
    "predict_cases",
    "promote",
    "roll_back",
    "why_kept",
]
