"""Is this LSTM right, and how fast is it?

Importing this package does not import torch.
"""

__version__ = "0.1.0"
