"""What leaves a training run: SavedModel, TFLite, and classification on a device."""
