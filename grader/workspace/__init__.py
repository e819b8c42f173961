"""One student's folder, and what they do in it: check, hint, watch, reset."""
