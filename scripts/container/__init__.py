"""How the image and compose.yaml are proven: what scripts/check-container and scripts/check-wheels are made of."""
