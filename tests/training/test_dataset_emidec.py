"""The real cases: sound by the check, and split alike."""

from pathlib import Path

import numpy as np

from scarnet_training.data import load_dataset
from scarnet_training.splits import fold_patients


def test_emidec_is_sound_and_its_folds_are_alike(shared_data: Path) -> None:
    cases = load_dataset(shared_data / "emidec")
    assert len(cases) == 67
    assert sum(case.has_scar for case in cases) == 44
    assert all(case.has_scar == ("_P" in case.stack.case) for case in cases)
    assert all(set(np.unique(case.labels)) == ({0, 1, 2, 3} if case.has_scar else {0, 1, 2}) for case in cases)
    folds = fold_patients(cases, 5, 0)
    assert sorted(name for _, validation in folds for name in validation) == [case.stack.case for case in cases]
    for training, validation in folds:
        assert len(training) + len(validation) == 67
        assert 8 <= sum("_P" in name for name in validation) <= 9
        assert 4 <= sum("_N" in name for name in validation) <= 5
    mean_scar_ml = [
        np.mean([case.scar_ml for case in cases if case.has_scar and case.stack.case in validation])
        for _, validation in folds
    ]
    assert max(mean_scar_ml) < 2 * min(mean_scar_ml)
    assert folds == fold_patients(cases[::-1], 5, 0)
