"""Measures as rows of tables: a slice, a segment or a case each."""

from typing import Any

__all__ = ["cohort_row", "segment_rows", "slice_rows"]

Row = dict[str, Any]

_HEADLINE = (
    "myocardium_volume_ml",
    "myocardium_mass_g",
    "scar_volume_ml",
    "scar_mass_g",
    "scar_percent_myocardium",
    "blood_pool_volume_ml",
    "scar_extent_percent_circumference",
    "scar_border_length_mm",
)


def slice_rows(values: dict[str, Any]) -> list[Row]:
    """Give a row per slice.

    Parameters
    ----------
    values : dict
        :attr:`scarnet.measure.StudyMeasures.values`.

    Returns
    -------
    list of dict
        ``case`` and the keys of ``slices``.
    """
    return [{"case": values["case"]} | one for one in values["slices"]]


def segment_rows(values: dict[str, Any]) -> list[Row]:
    """Give a row per segment.

    Parameters
    ----------
    values : dict
        :attr:`scarnet.measure.StudyMeasures.values`.

    Returns
    -------
    list of dict
        ``case`` and the keys of ``segments``; 17 rows.
    """
    return [{"case": values["case"]} | one for one in values["segments"]]


def cohort_row(values: dict[str, Any]) -> Row:
    """Give a case's row in the table of a cohort.

    Parameters
    ----------
    values : dict
        :attr:`scarnet.measure.StudyMeasures.values`, measured with thresholds.

    Returns
    -------
    dict
        The headline numbers; transmurality, pattern, components, grey zone, no-reflow; scar percentage by each
        threshold method (``scar_percent_fwhm`` …) and of each segment (``scar_percent_segment_1`` …); expected scar
        volume and its interval where there were probabilities; ``insertion`` and ``notes``. Every case has the same
        keys; None where there is no number.
    """
    depth, zone, no_reflow = values["transmurality"], values["grey_zone"] or {}, values["no_reflow"] or {}
    quartiles = depth["quartiles_percent_of_circumference"] or {}
    expected = values["uncertainty"].get("probabilities", {}).get("scar_volume_ml", {})
    low, high = expected.get("interval") or (None, None)
    return {
        "case": values["case"],
        **{name: values[name] for name in _HEADLINE},
        "expected_scar_volume_ml": expected.get("expected"),
        "scar_volume_ml_low": low,
        "scar_volume_ml_high": high,
        "transmurality_percent_of_scarred": depth["mean_percent_of_scarred"],
        **{
            f"circumference_percent_transmurality_{name.replace('-', '_')}": quartiles.get(name)
            for name in ("1-25", "26-50", "51-75", "76-100")
        },
        "pattern": values["pattern"]["dominant"],
        "scar_components": values["components"]["count"],
        "core_volume_ml": zone.get("core_volume_ml"),
        "grey_zone_volume_ml": zone.get("grey_volume_ml"),
        "no_reflow_volume_ml": no_reflow.get("volume_ml"),
        **{f"scar_percent_{name}": one["scar_percent_myocardium"] for name, one in values["thresholds"].items()},
        **{f"scar_percent_segment_{one['segment']}": one["scar_percent"] for one in values["segments"]},
        "insertion": values["insertion"]["source"],
        "missing_slices": values["gaps"]["missing_slices"],
        "notes": " ".join(values["notes"]),
    }
