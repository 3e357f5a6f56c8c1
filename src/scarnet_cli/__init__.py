"""The command ``scarnet``: what the napari plugin does, without a screen."""
