"""What an upload, a document, a finding and an event are: frozen data.

Data that crosses the border of a room belongs here, with the rules that hold for it alone. Data
of one room belongs to the module that makes it.
"""
