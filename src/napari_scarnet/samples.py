"""Sample studies for File → Open Sample."""

from typing import Any

from napari_scarnet.studies import stack_layer_data

__all__ = ["infarct_phantom", "no_scar_phantom", "phantom_stack"]


def phantom_stack(scar: bool) -> Any:
    """Make a synthetic study.

    Parameters
    ----------
    scar : bool
        With an infarct in the LAD territory, or without any scar.

    Returns
    -------
    LGEStack
        The study; the same every time.
    """
    from scarnet.phantom import PhantomSettings, make_phantom

    if scar:
        settings = PhantomSettings(pattern="ischaemic", territory="LAD", transmurality=0.8)
        return make_phantom(seed=1, settings=settings, case="phantom infarct").stack
    return make_phantom(seed=2, settings=PhantomSettings(pattern="none"), case="phantom no scar").stack


def infarct_phantom() -> list[tuple[Any, dict[str, Any], str]]:
    """Give the sample study with an infarct.

    Returns
    -------
    list
        One layer data tuple.
    """
    return [stack_layer_data(phantom_stack(scar=True))]


def no_scar_phantom() -> list[tuple[Any, dict[str, Any], str]]:
    """Give the sample study without scar.

    Returns
    -------
    list
        One layer data tuple.
    """
    return [stack_layer_data(phantom_stack(scar=False))]
