"""Stands in for torchvision, which the peers import and do not use in training."""
