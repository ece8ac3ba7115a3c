"""Segment Anything without torchvision: ViT and TinyViT image encoders, prompt encoder, mask decoder, and masks of everything in a picture.

Needs torch, numpy and pillow, and nothing else of this project: the folder can be lifted out.
"""
