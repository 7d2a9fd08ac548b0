"""From photographs, videos and cameras to expressions, with a trained model of any export."""
