"""From photographs, videos and cameras to expressions, with a trained model of any export."""

INSTALL = "pip install ai-edge-litert numpy opencv-python-headless"  # all that a .tflite model needs to run
UNDECODED = (  # of a video; the wheels of OpenCV decode no AV1
    "opens, but none of its frames can be decoded: damaged, or of a codec that OpenCV lacks, such as AV1; convert a "
    "whole one by: ffmpeg -i FILE -c:v libx264 OUT.mp4"
)
