"""segment-anything's network modules, loaded without torchvision.

Importing the package `segment_anything` imports its predictor and with that torchvision, which this project neither
needs nor installs. Its subpackage `modeling` needs torch alone and is loaded here under a name of its own.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from scarnet.errors import ScarNetError

__all__ = ["load_sam_modeling"]

_NAME = "scarnet_segment_anything_modeling"


def load_sam_modeling() -> ModuleType:
    """Load segment-anything's `modeling` package.

    Returns
    -------
    ModuleType
        The package, with `ImageEncoderViT`, `PromptEncoder`, `MaskDecoder`, `TwoWayTransformer` and `Sam`. It is loaded
        once, under a name of its own, so that `import segment_anything` elsewhere is not touched.

    Raises
    ------
    ScarNetError
        segment-anything is not installed or cannot be loaded.
    """
    if _NAME in sys.modules:
        return sys.modules[_NAME]
    package = importlib.util.find_spec("segment_anything")
    folders = list(package.submodule_search_locations or []) if package else []
    if not folders:
        raise ScarNetError("The package segment-anything is not installed; run: pip install segment-anything")
    folder = Path(folders[0]) / "modeling"
    spec = importlib.util.spec_from_file_location(
        _NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ScarNetError("The installed package segment-anything has no modeling part; install it again.")
    module = importlib.util.module_from_spec(spec)
    # The package's relative imports look itself up here.
    sys.modules[_NAME] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        for name in [name for name in sys.modules if name == _NAME or name.startswith(f"{_NAME}.")]:
            del sys.modules[name]
        raise ScarNetError("The installed package segment-anything cannot be loaded; install it again.") from error
    return module
