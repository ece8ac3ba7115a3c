"""Segment Anything without torchvision: ViT and TinyViT image encoders, prompt encoder, mask decoder, and masks of
everything in a picture.

The networks need torch, numpy and pillow alone; what decides on masks (``amg``, ``mask_maths``) also
OpenCV, ``src.errors`` and ``src.schema``.
"""
