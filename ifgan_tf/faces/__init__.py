"""Where a face is in a picture, and how it is brought to one pose and size."""
