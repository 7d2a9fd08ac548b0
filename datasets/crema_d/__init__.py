"""CREMA-D: 91 actors who say twelve sentences in six emotions, filmed; anybody may download it."""
