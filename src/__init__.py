"""Media Feature Extractor.

What is set here is for the libraries behind numpy and torch, which ask once, when they are imported: threads that wait
for work go to sleep after some microseconds. Spinning for milliseconds, as they would, those of the one starve the
other, and whatever is computed beside them: on two cores a text query takes 34 ms in place of 9 right after a matrix
product, and half a second where photos are being decoded. Sleeping at once they wake too late, and it takes 16 ms.

onnxruntime asks whether it may report to its maker what is run, where, and on what machine; it may not. It is told so
here, before anything can load it: what it would report at that moment could not be taken back.
"""

import os

__version__ = "0.1.0"

for _name, _value in (("OPENBLAS_THREAD_TIMEOUT", "10"), ("GOMP_SPINCOUNT", "5000"), ("OMP_WAIT_POLICY", "PASSIVE")):
    os.putenv(_name, _value)
os.putenv("ORT_DISABLE_TELEMETRY", "1")
