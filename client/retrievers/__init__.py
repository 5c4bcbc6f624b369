"""Retrievers for programs that are built with LlamaIndex or LangChain.

Each module needs its framework, which the extras ``index`` and ``langchain`` install.
"""
