"""What users and stores test with."""
