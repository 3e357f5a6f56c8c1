"""What a project needs of the training module: datasets taken in, fine-tunings, and the choice between models."""

from scarnet_training.project.collecting import collect_model
from scarnet_training.project.comparing import ComparedCase, ModelComparison, compare_models
from scarnet_training.project.dataset_import import ImportReport, import_dataset
from scarnet_training.project.finetuning import (
    FinetuneJob,
    find_finetune,
    finetune_jobs,
    prepare_finetune,
    resume_finetune,
    start_finetune,
)
from scarnet_training.project.plan import FinetunePlan, plan_finetune

__all__ = [
    "ComparedCase",
    "FinetuneJob",
    "FinetunePlan",
    "ImportReport",
    "ModelComparison",
    "collect_model",
    "compare_models",
    "find_finetune",
    "finetune_jobs",
    "import_dataset",
    "plan_finetune",
    "prepare_finetune",
    "resume_finetune",
    "start_finetune",
]
