"""Does semantic text help? CLIP against images alone, from encoders that never read a text."""
