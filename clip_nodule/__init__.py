"""The paper's model, from voxels to scores: volume, crops, planes, CLIP with LoRA, training, inference."""
