"""What deploy/ holds, and the image: as they are shipped."""
