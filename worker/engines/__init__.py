"""Engines behind one small contract: vLLM in process, an OpenAI-compatible server, and a scripted one for tests."""
