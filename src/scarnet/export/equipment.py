"""What the DICOM objects say of the program that made them."""

from typing import Any

import scarnet

__all__ = ["DEVICE", "EQUIPMENT", "MANUFACTURER"]

MANUFACTURER = "napari-scarnet"

DEVICE = "ScarNet"

EQUIPMENT: dict[str, Any] = {
    "manufacturer": MANUFACTURER,
    "manufacturer_model_name": DEVICE,
    "software_versions": scarnet.__version__,
}
"""highdicom's arguments for the General and Enhanced General Equipment modules, as far as every object has them."""
