"""The end of an upload with all its bytes: from the last check to its document.

What reads it back, decides about duplicates and versions, and stores the document belongs
here. The queue and the tasks of completions belong to ``open_uploads``.
"""
