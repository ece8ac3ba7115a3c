"""The page Labels: photos classified, and what is suggested for them answered."""
