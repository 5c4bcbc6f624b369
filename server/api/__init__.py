"""The REST API: one module for each subject, and its description.

Requests are validated here and answered by the core; other protocols are in ``protocols``.
"""
