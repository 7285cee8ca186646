"""LoRA adapters: recipes, training that can be killed at any time, and loading them for answers."""
