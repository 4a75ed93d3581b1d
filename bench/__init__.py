"""What is measured, and how. Each benchmark prints its figures; none asserts any."""
