"""What is sent onward."""
