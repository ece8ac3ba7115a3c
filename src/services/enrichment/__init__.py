"""What is found out about photos after they were indexed."""
