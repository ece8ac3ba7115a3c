"""How well a model's vectors tell the classes of a labelled set of pictures. Needs no library, and only reads."""
