"""What AtomAI imports from here: for its segmentation."""

mobilenet_v2 = resnet50 = vgg16 = None
