"""What the application says of itself: from the bytes that it sends to values, scrubbed, grouped and measured."""
