"""BU-3DFE: 100 people, six expressions at four intensities, frontal photographs of 3D scans."""
