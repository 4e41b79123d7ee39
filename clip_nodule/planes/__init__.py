"""The nine planes in batches on a device, and their augmentation."""
