"""ScarNet's core: stacks, files, network, models, prediction and the phantom.

Nothing here imports napari, Qt, or the training package, and importing this package loads neither
torch nor matplotlib.
"""

__all__ = ["__version__"]
__version__ = "0.1.0"
