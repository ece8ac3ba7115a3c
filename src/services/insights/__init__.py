"""What the library is made of: everything counted stands for photos that can be shown."""
