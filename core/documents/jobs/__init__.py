"""Background jobs on documents: import, index and OCR, their order and reports.

A job is a row in the catalogue, so that a restart loses none. What a plugin does in a job
belongs to the plugin.
"""
