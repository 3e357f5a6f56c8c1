"""Training: loss, augmentation, datasets, trainer."""
