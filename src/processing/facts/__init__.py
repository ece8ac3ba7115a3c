"""The facts of photo files: read from their headers and from the files beside them, without decoding a pixel.

``reader.py`` is what others call. Each file format has a module that finds the blocks of facts (EXIF, XMP,
IPTC) in it; each kind of block has one that reads it into a ``Told``; ``merge.py`` makes one ``PhotoFacts``
of what all of them told. No block is read by a decoder's own code: a file that was made to do harm costs a
bounded number of bytes and steps here, and there is no C library for it to crash.
"""
