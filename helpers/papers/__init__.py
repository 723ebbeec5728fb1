"""The papers' equations, one file a method: pure functions of tensors. Imports nothing of ours."""
