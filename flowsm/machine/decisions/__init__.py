"""What should be recorded, part by part."""
