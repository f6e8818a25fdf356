"""What other software is measured with: scripts for environments of their own."""
