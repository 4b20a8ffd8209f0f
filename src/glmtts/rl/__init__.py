"""Reinforcement learning of the language model (report sections 2.4 and 3.3): GRPO with several rewards, and DiffRO."""
