"""From photographs, videos and cameras to expressions, with a trained model of any export."""

INSTALL = "pip install ai-edge-litert numpy opencv-python-headless"  # all that a .tflite model needs to run
