"""The text of pages: read in a limited child, cleaned, placed and stored.

How a library reads a page belongs to its plugin; all extractors and OCR share these steps.
"""
