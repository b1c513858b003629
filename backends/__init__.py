"""What listens: the same machine behind three servers, ``python -m backends.h11``, ``.quart``, ``.sanic``.

Each backend is one file that turns its framework's request into an exchange and `Frames` into its framework's reply;
the three read like twins. Dialects, JSON, SSE and error bodies are the machine's and appear nowhere here.
"""
