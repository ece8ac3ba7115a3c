"""CLIP without torchvision: model, tokenizer, preprocessing and readers for every file its weights are published in.

Needs torch, safetensors, numpy, pillow, ftfy and regex, and nothing else of this project: the folder can be lifted out.
"""
