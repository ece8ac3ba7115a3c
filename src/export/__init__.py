"""Export: what was found, as data sets and tables for other programs.

Each writes a new folder or a new ZIP, whole or not at all.
"""
