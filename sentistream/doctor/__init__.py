"""What `sentistream doctor` looks at: one file for each kind of check, none of which changes the deployment."""
