# llama.cpp's own HTTP server, as xllamacpp starts it: `llama_server.py WEIGHTS`, until its input ends.
from __future__ import annotations

import sys

import xllamacpp  # type: ignore[import-untyped]

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.model_alias = {"smollm2"}
params.n_parallel, params.n_ctx = 2, 4096
params.n_batch = params.n_ubatch = 32
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.sampling.temp = 0.0
params.cache_ram_mib = 0
params.verbosity = -1
params.warmup = params.ui = False
params.endpoint_slots = True
params.api_keys = ["llama-secret-key"]
params.embedding = True
params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
