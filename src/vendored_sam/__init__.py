"""Segment Anything without torchvision: image encoders, prompt encoder, mask decoder, and masks of a whole picture.

The networks need torch, numpy and pillow alone; what decides on masks (``amg``, ``mask_maths``) also
OpenCV, ``src.errors`` and ``src.schema``.
"""
