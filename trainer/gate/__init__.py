"""The gate: a worse adapter never goes live.

`judge.judge` lets a candidate and what is live answer the same frozen messages, applies `GateSettings`, and
writes a report that says why. Nothing is imported here: settings and help must not wait for torch.
"""
