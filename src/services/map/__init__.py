"""The library as a map: photos that look alike lie beside each other."""
