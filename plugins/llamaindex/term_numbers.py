"""What a stored number of a term and a passage means."""

LENGTH = 0
"""The code of no term: its numbers are the lengths of passages, in terms of all columns."""
HEADING_SHIFT = 12
MAX_IN_TEXT, MAX_IN_HEADING = 0xFFF, 0xF
"""The most that a number holds for text and title together, in tenths, and for the heading."""
COLUMN_WEIGHTS = (1, 10, 5, 1 << HEADING_SHIFT)
"""What one term of each column of the word index adds to a number.

The upper bits count terms of the heading, the others tenths by the weights of BM25.
"""
